use std::io::Cursor;

use image::{ImageDecoder as _, codecs::png::PngDecoder, metadata::Orientation};

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, corrupt, header_limits, read};

const FORMAT: &str = "PNG";

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    limits.check(stated_size(bytes)?)?;
    let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), header_limits(limits))
        .map_err(|error| corrupt(FORMAT, &error))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let animated = decoder.is_apng().unwrap_or(false);
    Ok(Decoded {
        pixels: read(decoder, limits, FORMAT)?,
        orientation,
        animated,
    })
}

/// The size in the first chunk, before a decoder sees anything: `IHDR` is always the first.
fn stated_size(bytes: &[u8]) -> Result<Size, PictureError> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    match (number(16), number(20)) {
        (Some(width), Some(height)) => Ok(Size::new(width, height)),
        _ => Err(corrupt(FORMAT, &"it ends within its header")),
    }
}
