//! From bytes to upright pixels. The header is read first, and what it states is checked before
//! any pixel is allocated.

mod blocks;
mod chunks;
mod exif;
mod gif;
mod joined;
mod jpeg;
mod png;
mod prefix;
mod riff;
mod scans;
mod vp8l;
mod webp;
mod weight;

pub use weight::weigh;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, ImageDecoder, Limits, metadata::Orientation};
use tracing::warn;

use crate::geometry::Size;

use super::{
    ImageLimits, Picture, PictureError, PictureFormat, PictureInfo, color, orient, sniff::sniff,
};

/// Memory that a decoder may take for anything but pixels while it reads a header.
const HEADER_BYTES: u64 = 16 * 1024 * 1024;

/// Pixels as they are stored, with what must still be done to them.
struct Decoded {
    pixels: DynamicImage,
    orientation: Orientation,
    animated: bool,
}

/// Decodes a picture: eight bits a channel, upright, transparency laid over a background (RGB).
///
/// Of several frames the first is decoded. Colour profiles are not applied, as in Pillow's and
/// OpenCV's own readers that models are trained with.
///
/// # Errors
/// When the bytes are no picture, one above the limits, or a broken one.
pub fn decode(
    bytes: &[u8],
    limits: &ImageLimits,
    background: [u8; 3],
) -> Result<Picture, PictureError> {
    let format = sniff(bytes)?;
    let decode = || match format {
        PictureFormat::Jpeg => jpeg::decode(bytes, *limits),
        PictureFormat::Png => png::decode(bytes, *limits),
        PictureFormat::WebP => webp::decode(bytes, *limits),
        PictureFormat::Gif => gif::decode(bytes, *limits),
    };
    let decoded = caught(format, decode)?;
    let Decoded {
        pixels,
        orientation,
        animated,
    } = decoded;
    let pixels = orient::upright(color::to_rgb(pixels, background), orientation);
    let size = Size::new(pixels.width(), pixels.height());
    Ok(Picture {
        pixels,
        info: PictureInfo {
            format,
            size,
            orientation,
            animated,
        },
    })
}

/// What a decoder gives. One that panics, which each has done on some bytes, has met a picture that
/// does not decode: nothing of it outlives the call.
fn caught(
    format: PictureFormat,
    decode: impl FnOnce() -> Result<Decoded, PictureError>,
) -> Result<Decoded, PictureError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        warn!(?format, "picture decoder gave up");
        let name = match format {
            PictureFormat::Jpeg => jpeg::FORMAT,
            PictureFormat::Png => png::FORMAT,
            PictureFormat::WebP => webp::FORMAT,
            PictureFormat::Gif => gif::FORMAT,
        };
        Err(corrupt(name, &"its decoder gave up"))
    })
}

/// The limits that `image`'s decoders take; they only help, [`ImageLimits::check`] decides.
fn header_limits(limits: ImageLimits) -> Limits {
    let mut of_header = Limits::default();
    of_header.max_image_width = Some(limits.max_side);
    of_header.max_image_height = Some(limits.max_side);
    of_header.max_alloc = Some(HEADER_BYTES);
    of_header
}

/// Checks a decoder's size, then lets it decode.
fn read(
    decoder: impl ImageDecoder,
    limits: ImageLimits,
    format: &'static str,
) -> Result<DynamicImage, PictureError> {
    let (width, height) = decoder.dimensions();
    limits.check(Size::new(width, height))?;
    DynamicImage::from_decoder(decoder).map_err(|error| corrupt(format, &error))
}

fn corrupt(format: &'static str, error: &dyn std::fmt::Display) -> PictureError {
    PictureError::Corrupt {
        format,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_has_met_a_broken_picture() {
        let found = caught(PictureFormat::Png, || panic!("an index"));
        let expected = corrupt(png::FORMAT, &"its decoder gave up");
        assert_eq!(found.map(|_| ()), Err(expected));
    }
}
