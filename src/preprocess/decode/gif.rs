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
    let animated = check_frames(bytes, limits)?;
    let broken = |error: DecodingError| corrupt(FORMAT, &error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    if let Some(most) = NonZeroU64::new(limits.max_pixels) {
        options.set_memory_limit(MemoryLimit::Bytes(most));
    }
    let mut decoder = options.read_info(Cursor::new(bytes)).map_err(broken)?;
    let screen = Size::new(decoder.width().into(), decoder.height().into());
    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder.read_next_frame().map_err(broken)?;
    let frame = frame.ok_or_else(|| corrupt(FORMAT, &"it has no frame"))?;
    let palette = frame.palette.as_deref().or(global.as_deref());
    let palette = palette.ok_or_else(|| corrupt(FORMAT, &"it has no colours"))?;
    Ok(Decoded {
        pixels: painted(frame, palette, screen),
        orientation: Orientation::NoTransforms,
        animated,
    })
}

/// A frame on its screen, which is transparent where the frame is not, as are indices without a
/// colour.
fn painted(frame: &Frame<'_>, palette: &[u8], screen: Size) -> DynamicImage {
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
    if is_opaque && (left, top, width, height) == (0, 0, screen.width, screen.height) {
        let mut picture = RgbImage::new(width, height);
        let (pixels, _) = picture.as_chunks_mut::<3>();
        for (pixel, index) in pixels.iter_mut().zip(&*frame.buffer) {
            let [r, g, b, _] = of(index);
            *pixel = [r, g, b];
        }
        return picture.into();
    }
    let mut picture = RgbaImage::new(screen.width, screen.height);
    let rows = frame.buffer.chunks_exact(usize::from(frame.width).max(1));
    for (row, indices) in picture.rows_mut().skip(top as usize).zip(rows) {
        for (pixel, index) in row.skip(left as usize).zip(indices) {
            pixel.0 = of(index);
        }
    }
    picture.into()
}

/// What the logical screen descriptor states (`GIF89a`, 18).
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let [w0, w1, h0, h1] = *bytes.get(6..)?.first_chunk()?;
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]));
    Some(Stated {
        size: Size::new(side(w0, w1), side(h0, h1)),
        // RGBA, and its copy without the alpha; before that an index, and RGBA.
        bytes_per_pixel: 4 + 3,
        beside: 0,
    })
}

/// Checks the sizes of the screen and of the first frame, which must not be larger, as the screen is
/// what was weighed, and its codes; tells whether a second frame follows.
fn check_frames(bytes: &[u8], limits: ImageLimits) -> Result<bool, PictureError> {
    let first = First::of(bytes)?;
    let (screen, size) = (first.screen, first.size);
    limits.check(screen)?;
    limits.check(size)?;
    if screen.pixels() < size.pixels() {
        return Err(corrupt(
            FORMAT,
            &"its first frame is larger than its screen",
        ));
    }
    if PIXELS_PER_BYTE.saturating_mul(bytes.len() as u64) < size.pixels() {
        let bytes = bytes.len();
        return Err(PictureError::CutOff { bytes, size });
    }
    first.check()?;
    Ok(first.animated)
}
