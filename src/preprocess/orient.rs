//! EXIF orientation: pixels as they are stored to pixels as they are looked at.

use image::{DynamicImage, RgbImage, metadata::Orientation};

/// Turns and mirrors pixels so that they are upright. Those that are already are not copied.
pub(super) fn upright(pixels: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return pixels;
    }
    let mut pixels = DynamicImage::ImageRgb8(pixels);
    pixels.apply_orientation(orientation);
    pixels.into_rgb8()
}
