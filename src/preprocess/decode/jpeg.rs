use image::{DynamicImage, GrayImage, RgbImage, metadata::Orientation};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use crate::geometry::Size;

use super::{
    Decoded, ImageLimits, PictureError, corrupt,
    scans::{Scans, frame},
    weight::Stated,
};

const FORMAT: &str = "JPEG";

/// Most scans of a progressive JPEG. Cameras and encoders write about ten; each costs a pass over
/// all coefficients, so 35 kB of a hundred empty scans would cost ten seconds.
const MAX_SCANS: usize = 32;

/// Most pixels of a progressive JPEG times its scans: fifty megapixels in a dozen scans.
const MAX_SCANNED: u64 = 600_000_000;

/// What the frame header states. The coefficients of a progressive picture are all kept.
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let frame = frame(bytes)?;
    Some(Stated {
        size: frame.size,
        bytes_per_pixel: if frame.progressive { 9 } else { 3 },
    })
}

/// Decodes strictly: a truncated picture is an error, never half a picture.
pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let longest = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(longest)
        .set_max_height(longest)
        .jpeg_set_max_scans(MAX_SCANS);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|error| corrupt(FORMAT, &error))?;
    let size = size(&decoder)?;
    limits.check(size)?;
    plausible(bytes, size)?;
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colors = if grey {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colors));
    let pixels = decoder.decode().map_err(|error| corrupt(FORMAT, &error))?;
    let exif = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    let wrong_length = || corrupt(FORMAT, &"the pixels do not fill the picture");
    let pixels = if grey {
        let pixels = GrayImage::from_raw(size.width, size.height, pixels);
        DynamicImage::ImageLuma8(pixels.ok_or_else(wrong_length)?)
    } else {
        let pixels = RgbImage::from_raw(size.width, size.height, pixels);
        DynamicImage::ImageRgb8(pixels.ok_or_else(wrong_length)?)
    };
    Ok(Decoded {
        pixels,
        orientation: exif.unwrap_or(Orientation::NoTransforms),
        animated: false,
    })
}

fn size(decoder: &JpegDecoder<ZCursor<&[u8]>>) -> Result<Size, PictureError> {
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let pixels = |side: usize| u32::try_from(side).map_err(|error| corrupt(FORMAT, &error));
    Ok(Size::new(pixels(width)?, pixels(height)?))
}

/// Refuses what would decode to garbage or for seconds: fewer bytes than a picture of that size has,
/// more scans than any encoder writes, and a file that stops before its end.
fn plausible(bytes: &[u8], size: Size) -> Result<(), PictureError> {
    let scans = Scans::of(bytes);
    // An 8×8 block takes a bit to say that its mean is as before and, where its coefficients come
    // in one scan, another to say that nothing follows.
    let bits_per_block = if scans.progressive { 1 } else { 2 };
    let blocks = u64::from(size.width.div_ceil(8)) * u64::from(size.height.div_ceil(8));
    if bytes.len() as u64 * 8 < blocks * bits_per_block {
        return Err(PictureError::CutOff {
            bytes: bytes.len(),
            size,
        });
    }
    if MAX_SCANS < scans.count {
        let reason = format!("it has {} scans, at most {MAX_SCANS} are read", scans.count);
        return Err(corrupt(FORMAT, &reason));
    }
    let scanned = size.pixels().saturating_mul(scans.count as u64);
    if scans.progressive && MAX_SCANNED < scanned {
        let reason = format!(
            "its {} scans go over {scanned} pixels, at most {MAX_SCANNED} are read",
            scans.count
        );
        return Err(corrupt(FORMAT, &reason));
    }
    if !scans.ended {
        return Err(corrupt(FORMAT, &"the file ends before the picture does"));
    }
    Ok(())
}
