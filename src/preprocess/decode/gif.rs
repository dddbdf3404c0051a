use std::io::Cursor;

use image::{ImageDecoder as _, codecs::gif::GifDecoder, metadata::Orientation};

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, corrupt, read};

const FORMAT: &str = "GIF";

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let decoder = GifDecoder::new(Cursor::new(bytes)).map_err(|error| corrupt(FORMAT, &error))?;
    let (width, height) = decoder.dimensions();
    limits.check(Size::new(width, height))?;
    let pixels = read(decoder, limits, FORMAT)?;
    Ok(Decoded {
        pixels,
        orientation: Orientation::NoTransforms,
        animated: is_animated(bytes),
    })
}

/// Whether a second frame follows the first. Frames are skipped over, not decoded.
fn is_animated(bytes: &[u8]) -> bool {
    let mut options = gif::DecodeOptions::new();
    options.skip_frame_decoding(true);
    let Ok(mut decoder) = options.read_info(Cursor::new(bytes)) else {
        return false;
    };
    let mut next = || matches!(decoder.next_frame_info(), Ok(Some(_)));
    next() && next()
}
