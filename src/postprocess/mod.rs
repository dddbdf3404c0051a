//! From a model's output tensors to an answer in the picture's own pixels.
//!
//! Pure: no runtime, file, network or clock. To teach Ocellus another head, see
//! [`decoder`].

pub mod candidate;
pub mod decoder;
pub mod error;
pub mod filter;
pub mod nms;
pub mod prediction;
pub mod ranking;
pub mod selection;

use crate::tensor::Tensor;

/// The model's outputs for one picture, by role. Each tensor keeps its batch axis of 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outputs<'a> {
    /// Scores of classes.
    pub scores: Option<&'a Tensor>,
    /// Boxes.
    pub boxes: Option<&'a Tensor>,
    /// Keypoints of each box.
    pub keypoints: Option<&'a Tensor>,
    /// Finished rows of box, score and class.
    pub detections: Option<&'a Tensor>,
}
