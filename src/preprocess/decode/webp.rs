use image::{DynamicImage, ImageDecoder as _, Rgba, RgbaImage, codecs::webp::WebPDecoder};

use super::{
    Decoded, ImageLimits, PictureError, corrupt, exif, header_limits,
    joined::Joined,
    read,
    riff::{Still, Stream, ended},
    vp8l,
    weight::Stated,
};

pub(super) const FORMAT: &str = "WebP";

/// Length of a lossless stream's signature, size and version.
const LOSSLESS_HEADER: usize = 5;

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let still = Still::of(bytes).ok_or_else(|| corrupt(FORMAT, &"it holds no whole frame"))?;
    limits.check(still.size)?;
    limits.check(still.canvas)?;
    if !ended(bytes) {
        return Err(corrupt(FORMAT, &"the file ends before the picture does"));
    }
    if !still.fits() {
        return Err(corrupt(FORMAT, &"its frame does not fit its canvas"));
    }
    if let Some(stream) = lossless(&still) {
        vp8l::check(stream, still.size)?;
    }
    // The decoder sees one frame, which was weighed, and nothing that it could take for another.
    let pixels = if still.extended {
        let file = still.file();
        pixels(Joined::of(file.iter().map(AsRef::as_ref)), limits)?
    } else {
        pixels(Joined::of([bytes]), limits)?
    };
    Ok(Decoded {
        pixels: if still.fills() {
            pixels
        } else {
            placed(pixels, &still)
        },
        orientation: exif::orientation(still.exif),
        animated: still.animated,
    })
}

fn pixels(file: Joined<'_>, limits: ImageLimits) -> Result<DynamicImage, PictureError> {
    let broken = |error| corrupt(FORMAT, &error);
    let mut decoder = WebPDecoder::new(file).map_err(broken)?;
    decoder.set_limits(header_limits(limits)).map_err(broken)?;
    read(decoder, limits, FORMAT)
}

/// A frame on its canvas, which is transparent or else black where the frame is not.
fn placed(pixels: DynamicImage, still: &Still<'_>) -> DynamicImage {
    let pixels = pixels.into_rgba8();
    let behind = Rgba([0, 0, 0, if still.has_alpha { 0 } else { u8::MAX }]);
    let mut canvas = RgbaImage::from_pixel(still.canvas.width, still.canvas.height, behind);
    for (row, from) in canvas
        .rows_mut()
        .skip(still.top as usize)
        .zip(pixels.rows())
    {
        for (to, from) in row.skip(still.left as usize).zip(from) {
            *to = *from;
        }
    }
    canvas.into()
}

/// The lossless stream of a frame or of its alpha, from its transforms on.
fn lossless<'a>(still: &Still<'a>) -> Option<&'a [u8]> {
    match still.stream {
        Stream::Lossless { body } => body.get(LOSSLESS_HEADER..),
        Stream::Lossy { alpha, .. } => match alpha?.split_first()? {
            (method, stream) if method & 3 == 1 => Some(stream),
            _ => None,
        },
    }
}

/// What the frame that is decoded takes: its own memory, or with its canvas.
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let still = Still::of(bytes)?;
    let decoder = match still.stream {
        // RGBA, and a copy without the alpha.
        Stream::Lossless { .. } => 4 + 3,
        // Planes, RGBA, the alpha as RGBA and by itself, rounded up.
        Stream::Lossy { alpha: Some(_), .. } => 2 + 4 + 4 + 1,
        // Planes, and RGB.
        Stream::Lossy { alpha: None, .. } => 2 + 3,
    };
    let on_canvas = if still.fills() { 0 } else { 4 + 4 };
    let size = [still.canvas, still.size]
        .into_iter()
        .max_by_key(|size| size.pixels())?;
    let beside =
        lossless(&still).map_or(0, |stream| vp8l::most_beside(stream, still.size.pixels()));
    Some(Stated {
        size,
        bytes_per_pixel: on_canvas.max(decoder),
        beside,
    })
}
