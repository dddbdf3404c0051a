use std::io::Cursor;

use image::{ImageDecoder as _, codecs::webp::WebPDecoder, metadata::Orientation};

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, corrupt, header_limits, read};

const FORMAT: &str = "WebP";

pub(super) fn decode(bytes: &[u8], limits: ImageLimits) -> Result<Decoded, PictureError> {
    let mut decoder =
        WebPDecoder::new(Cursor::new(bytes)).map_err(|error| corrupt(FORMAT, &error))?;
    let (width, height) = decoder.dimensions();
    limits.check(Size::new(width, height))?;
    decoder
        .set_limits(header_limits(limits))
        .map_err(|error| corrupt(FORMAT, &error))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let animated = decoder.has_animation();
    Ok(Decoded {
        pixels: read(decoder, limits, FORMAT)?,
        orientation,
        animated,
    })
}
