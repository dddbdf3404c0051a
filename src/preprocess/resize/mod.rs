//! A part of a picture, resized to the size of its target, with the pixels of the library that
//! the model was trained with.
//!
//! Pillow's filters widen when they shrink a picture; OpenCV's do not, except for `area`. One
//! photo shrunk by both differs by up to 158 of 255 in a pixel, so the profile is no detail.

mod convolve;
mod taps;

use image::RgbImage;

use crate::model::contract::input::{Filter, Profile, Resize};

use super::{PictureError, place::Placement};
use fast_image_resize::{FilterType, ResizeAlg};

/// Resizes the placement's source to the size of its target.
pub(super) fn resize(
    picture: &RgbImage,
    placement: &Placement,
    settings: &Resize,
) -> Result<RgbImage, PictureError> {
    match (settings.profile, settings.filter) {
        (Profile::Pillow, Filter::Nearest) => {
            Ok(taps::resize(picture, placement, taps::nearest_center))
        }
        (Profile::Pillow, Filter::Bilinear) => {
            convolve::two_passes(picture, placement, FilterType::Bilinear)
        }
        (Profile::Pillow, Filter::Bicubic) => {
            convolve::two_passes(picture, placement, FilterType::CatmullRom)
        }
        (Profile::Pillow, Filter::Lanczos) | (Profile::Opencv, Filter::Lanczos) => {
            convolve::two_passes(picture, placement, FilterType::Lanczos3)
        }
        (Profile::Pillow, Filter::Area) => {
            convolve::two_passes(picture, placement, FilterType::Box)
        }
        (Profile::Opencv, Filter::Bilinear) => {
            let linear = ResizeAlg::Interpolation(FilterType::Bilinear);
            convolve::one_pass(picture, placement, linear)
        }
        (Profile::Opencv, Filter::Nearest) => {
            Ok(taps::resize(picture, placement, taps::nearest_floor))
        }
        (Profile::Opencv, Filter::Bicubic) => Ok(taps::resize(picture, placement, taps::cubic)),
        (Profile::Opencv, Filter::Area) => Ok(taps::resize(picture, placement, taps::area)),
    }
}
