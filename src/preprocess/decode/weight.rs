//! What a picture takes to decode, by its header alone.

use crate::{
    geometry::Size,
    preprocess::{ImageLimits, PictureError, PictureFormat, sniff::sniff},
};

use super::{gif, jpeg, png, webp};

/// Bytes for each pixel of eight-bit RGB, and of its copy that is turned upright.
const RGB_AND_UPRIGHT: u64 = 3 + 3;

/// What a header states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) size: Size,
    /// Bytes for each pixel that are taken at the most until it is in eight-bit RGB: by the decoder
    /// and its result, or by that and its copy.
    pub(super) bytes_per_pixel: u64,
    /// Bytes that are taken beside, for tables and copies.
    pub(super) beside: u64,
}

/// How many bytes of memory decoding a picture takes at the most, beside its own bytes. 0 where
/// the header states no size: such a picture does not decode.
///
/// # Errors
/// When the bytes are no picture, or one above the limits.
pub fn weigh(bytes: &[u8], limits: &ImageLimits) -> Result<u64, PictureError> {
    let stated = match sniff(bytes)? {
        PictureFormat::Jpeg => jpeg::stated(bytes),
        PictureFormat::Png => png::stated(bytes),
        PictureFormat::WebP => webp::stated(bytes),
        PictureFormat::Gif => gif::stated(bytes),
    };
    let Some(Stated {
        size,
        bytes_per_pixel,
        beside,
    }) = stated
    else {
        return Ok(0);
    };
    limits.check(size)?;
    let each = bytes_per_pixel.max(RGB_AND_UPRIGHT);
    Ok(size.pixels().saturating_mul(each).saturating_add(beside))
}
