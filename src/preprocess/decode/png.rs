use std::io::Cursor;

use image::codecs::png::PngDecoder;

use crate::geometry::Size;

use super::{
    Decoded, HEADER_BYTES, ImageLimits, PictureError, chunks, corrupt, exif, header_limits, read,
    weight::Stated,
};

pub(super) const FORMAT: &str = "PNG";

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let stated = stated(bytes).ok_or_else(|| corrupt(FORMAT, &"it ends within its header"))?;
    limits.check(stated.size)?;
    chunks::check(bytes)?;
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), header_limits(limits))
        .map_err(|error| corrupt(FORMAT, &error))?;
    let animated = decoder.is_apng().unwrap_or(false);
    Ok(Decoded {
        pixels: read(decoder, limits, FORMAT)?,
        orientation: exif::orientation(chunks::exif(bytes)),
        animated,
    })
}

/// What the first chunk states, before a decoder sees anything: `IHDR` is always the first (PNG,
/// third edition, 11.2.1).
pub(super) fn stated(bytes: &[u8]) -> Option<Stated> {
    let header = bytes.get(16..26)?;
    let number = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?));
    let [depth, color] = *header.get(8..)?.first_chunk()?;
    let alpha = chunks::have_transparency(bytes);
    // What is decoded, and its copy in eight-bit RGB.
    let bytes_per_pixel = match (color, depth) {
        (0, 16) => 2 + if alpha { 2 } else { 0 } + 3,
        (0, _) => 1 + u64::from(alpha) + 3,
        (2, 16) => 6 + if alpha { 2 } else { 0 } + 3,
        (2, _) if !alpha => 3,
        (4, 16) => 4 + 3,
        (4, _) => 2 + 3,
        (6, 16) => 8 + 3,
        // RGBA, which becomes RGB in place: of palettes, too, which may have transparent entries.
        _ => 4,
    };
    Some(Stated {
        size: Size::new(number(0)?, number(4)?),
        bytes_per_pixel,
        beside: chunks::beside(bytes, HEADER_BYTES),
    })
}
