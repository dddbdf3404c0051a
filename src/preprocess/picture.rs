use image::{RgbImage, metadata::Orientation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::geometry::Size;

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Eight bits a channel, upright.
    pub pixels: RgbImage,
    /// What is known of it.
    pub info: PictureInfo,
}

/// What is known of a picture beside its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureInfo {
    /// The format it was encoded in.
    pub format: PictureFormat,
    /// Its size, upright.
    pub size: Size,
    /// Its EXIF orientation, which has been applied.
    pub orientation: Orientation,
    /// Whether it has more frames than the first, which alone was decoded.
    pub animated: bool,
}

/// A format that is decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// JPEG: baseline or progressive; grey, YCbCr, RGB, CMYK or YCCK.
    Jpeg,
    /// PNG: 1 to 16 bits, palette, alpha.
    Png,
    /// WebP: lossy or lossless.
    WebP,
    /// GIF.
    Gif,
}
