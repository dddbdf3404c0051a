use std::{io::Cursor, num::NonZeroU64};

use gif::{ColorOutput, DecodeOptions, DecodingError, Frame, MemoryLimit};
use image::{DynamicImage, RgbImage, RgbaImage, metadata::Orientation};

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, blocks::First, corrupt, weight::Stated};

pub(super) const FORMAT: &str = "GIF";

/// Most pixels that a byte stands for: a code of LZW has at most 12 bits and stands for at most as
/// many pixels as there are codes by then, which is densest at 4096 in 12 bits.
const PIXELS_PER_BYTE: u64 = 4096 * 8 / 12 + 1;

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let first = First::of(bytes)?;
    check(&first, bytes, limits)?;
    let broken = |error: DecodingError| corrupt(FORMAT, &error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    if let Some(most) = NonZeroU64::new(limits.max_pixels) {
        options.set_memory_limit(MemoryLimit::Bytes(most));
    }
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(broken)?;
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.read_next_frame().map_err(broken)?;
    let frame = frame.ok_or_else(|| corrupt(FORMAT, &"it has no frame"))?;
    let palette = frame.palette.as_deref().or(global.as_deref());
    let palette = palette.ok_or_else(|| corrupt(FORMAT, &"it has no colours"))?;
    Ok(Decoded {
        pixels: painted(frame, palette, first.canvas),
        orientation: Orientation::NoTransforms,
        animated: first.animated,
    })
}

/// A frame on its canvas, which is transparent where the frame is not, as are indices without a
/// colour.
fn painted(frame: &Frame<'_>, palette: &[u8], canvas: Size) -> DynamicImage {
    let mut colors = [[0; 4]; 256];
    let (known, _) = palette.as_chunks::<3>();
    for (index, (color, [r, g, b])) in colors.iter_mut().zip(known).enumerate() {
        if frame.transparent.map(usize::from) != Some(index) {
            *color = [*r, *g, *b, u8::MAX];
        }
    }
    let of = |index: &u8| colors.get(usize::from(*index)).copied().unwrap_or_default();
    let (left, top) = (u32::from(frame.left), u32::from(frame.top));
    let (width, height) = (u32::from(frame.width), u32::from(frame.height));
    let highest = frame.buffer.iter().max().copied().unwrap_or_default();
    let is_opaque = (0..=highest).all(|index| of(&index) != [0; 4]);
    if is_opaque && (left, top, width, height) == (0, 0, canvas.width, canvas.height) {
        let mut picture = RgbImage::new(width, height);
        let (pixels, _) = picture.as_chunks_mut::<3>();
        for (pixel, index) in pixels.iter_mut().zip(&*frame.buffer) {
            let [r, g, b, _] = of(index);
            *pixel = [r, g, b];
        }
        return picture.into();
    }
    let mut picture = RgbaImage::new(canvas.width, canvas.height);
    let rows = frame.buffer.chunks_exact(usize::from(frame.width).max(1));
    for (row, indices) in picture.rows_mut().skip(top as usize).zip(rows) {
        for (pixel, index) in row.skip(left as usize).zip(indices) {
            pixel.0 = of(index);
        }
    }
    picture.into()
}

/// What the logical screen and the first frame take.
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let first = First::of(bytes).ok()?;
    Some(Stated {
        size: first.canvas,
        // RGBA, and its copy without the alpha; before that an index, and RGBA.
        bytes_per_pixel: 4 + 3,
        beside: 0,
    })
}

/// Checks what the first frame states, and its codes.
fn check(first: &First<'_>, bytes: &[u8], limits: ImageLimits) -> Result<(), PictureError> {
    let size = first.size;
    limits.check(first.canvas)?;
    limits.check(size)?;
    if PIXELS_PER_BYTE.saturating_mul(bytes.len() as u64) < size.pixels() {
        let bytes = bytes.len();
        return Err(PictureError::CutOff { bytes, size });
    }
    first.check()
}
