use image::{DynamicImage, GrayImage, RgbImage, metadata::Orientation};
use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use crate::geometry::Size;

use super::{Decoded, ImageLimits, PictureError, corrupt, scans::Scans};

const FORMAT: &str = "JPEG";

/// Most scans of a progressive JPEG. Cameras and encoders write about ten; each costs a pass over
/// all coefficients, so 35 kB of a hundred empty scans would cost ten seconds.
const MAX_SCANS: usize = 32;

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
    enough_bytes(bytes, size)?;
    plausible_scans(bytes)?;
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

/// Every 8×8 block takes two bits at the least: one to say that its mean is as before, one that
/// nothing follows. Fewer bytes cannot be the picture that the header states.
fn enough_bytes(bytes: &[u8], size: Size) -> Result<(), PictureError> {
    let blocks = u64::from(size.width.div_ceil(8)) * u64::from(size.height.div_ceil(8));
    if (bytes.len() as u64) < blocks * 2 / 8 {
        return Err(PictureError::CutOff {
            bytes: bytes.len(),
            size,
        });
    }
    Ok(())
}

/// Refuses more scans than any encoder writes, and a file that stops before its end.
fn plausible_scans(bytes: &[u8]) -> Result<(), PictureError> {
    let Scans { count, ended } = Scans::of(bytes);
    if MAX_SCANS < count {
        let reason = format!("it has {count} scans, at most {MAX_SCANS} are read");
        return Err(corrupt(FORMAT, &reason));
    }
    if !ended {
        return Err(corrupt(FORMAT, &"the file ends before the picture does"));
    }
    Ok(())
}
