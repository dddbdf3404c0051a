//! From a model's output tensors to an answer in the picture's own pixels.

pub mod candidate;
pub mod error;
pub mod prediction;
pub mod ranking;
pub mod selection;
