//! From bytes to a model's input tensor: pure functions over named steps.
//!
//! sniff → read the header → decode → colour → orient, then place → resize → normalise.

mod color;
mod decode;
mod error;
mod limits;
mod normalize;
mod orient;
mod picture;
pub mod place;
pub mod placement;
pub mod resize;
mod sniff;
#[cfg(test)]
mod tests;

use crate::{
    geometry::Geometry,
    model::contract::{input::Input, resize::Fit},
    tensor::Tensor,
};

pub use decode::{decode, weigh};
pub use error::PictureError;
pub use limits::ImageLimits;
pub use picture::{Picture, PictureFormat, PictureInfo};

/// A picture as a model takes it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// `[1, channels, height, width]` or `[1, height, width, channels]`, by the contract's layout.
    pub tensor: Tensor,
    /// How the picture was laid into it.
    pub geometry: Geometry,
}

/// Makes a picture a model's input: place, resize, normalise.
///
/// # Errors
/// When the model takes pictures as they are and this one has another size.
pub fn prepare(picture: &Picture, input: &Input) -> Result<Prepared, PictureError> {
    let size = picture.info.size;
    let placement = place::place(size, input)?;
    let resized = match input.resize.fit() {
        Fit::None => None,
        Fit::Stretch
        | Fit::Letterbox { .. }
        | Fit::CenterCrop { .. }
        | Fit::ShortestEdge { .. } => {
            Some(resize::resize(&picture.pixels, &placement, &input.resize)?)
        }
    };
    let pixels = resized.as_ref().unwrap_or(&picture.pixels);
    let tensor = normalize::normalize(pixels, &placement, input)?;
    Ok(Prepared {
        tensor,
        geometry: placement.geometry(size),
    })
}
