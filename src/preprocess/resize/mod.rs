//! A part of a picture, resized to the size of its target, with the pixels of the library that
//! the model was trained with.
//!
//! Pillow's filters widen when they shrink a picture; OpenCV's do not, except for `area`. One
//! photo shrunk by both differs by up to 158 of 255 in a pixel, so the profile is no detail.

mod convolve;
mod taps;

use fast_image_resize::{FilterType, ResizeAlg};
use image::{RgbImage, imageops};

use crate::model::contract::resize::{Filter, Profile, Resize};

use super::{
    PictureError,
    placement::{Placement, Window},
};

/// Resizes the placement's source to the size of its target.
pub(super) fn resize(
    picture: &RgbImage,
    placement: &Placement,
    settings: &Resize,
) -> Result<RgbImage, PictureError> {
    let Window {
        x,
        y,
        width,
        height,
    } = placement.window;
    if (width, height) == picture.dimensions() {
        return resize_window(picture, placement, settings);
    }
    let window = imageops::crop_imm(picture, x, y, width, height).to_image();
    let mut placement = *placement;
    placement.source.x -= f64::from(x);
    placement.source.y -= f64::from(y);
    resize_window(&window, &placement, settings)
}

fn resize_window(
    picture: &RgbImage,
    placement: &Placement,
    settings: &Resize,
) -> Result<RgbImage, PictureError> {
    let two_passes = |filter| convolve::two_passes(picture, placement, filter);
    let by_taps = |taps| Ok(taps::resize(picture, placement, taps));
    match (settings.profile, settings.filter) {
        (Profile::Pillow, Filter::Nearest) => by_taps(taps::nearest_center),
        (Profile::Pillow, Filter::Bilinear) => two_passes(FilterType::Bilinear),
        (Profile::Pillow, Filter::Bicubic) => two_passes(FilterType::CatmullRom),
        // The contract's rules refuse lanczos with OpenCV's profile.
        (Profile::Pillow | Profile::Opencv, Filter::Lanczos) => two_passes(FilterType::Lanczos3),
        (Profile::Pillow, Filter::Area) => by_taps(taps::pillow_box),
        (Profile::Opencv, Filter::Nearest) => by_taps(taps::nearest_floor),
        (Profile::Opencv, Filter::Bilinear) => {
            let linear = ResizeAlg::Interpolation(FilterType::Bilinear);
            convolve::one_pass(picture, placement, linear)
        }
        (Profile::Opencv, Filter::Bicubic) => by_taps(taps::cubic),
        (Profile::Opencv, Filter::Area) => by_taps(taps::area),
    }
}
