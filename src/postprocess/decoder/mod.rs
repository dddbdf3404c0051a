//! Decoders: what each kind of model head means by its numbers.
//!
//! To add one: add its name to [`Decoder`] in the contract, add one file here with a `decode`
//! that yields [`Found`], and add one arm to the match in [`decode`]; the compiler asks for
//! every other place that has to know. Thresholds, suppression, mapping back and names are
//! shared steps and need no change.

mod coordinates;
mod end_to_end;
#[cfg(test)]
pub(crate) mod fixture;
mod scored_boxes;
mod sigmoid;
mod top_k;

use super::Outputs;
use super::candidate::{Candidate, ClassScore};
use super::error::DecodeError;
use super::filter::Filter;
use crate::geometry::Size;
use crate::model::contract::output::{Decoder, Output};
use crate::tensor::Tensor;

/// What a model found.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// Classes of the whole picture, in no particular order.
    Classes(Vec<ClassScore>),
    /// Boxes in pixels of the model's input, in no particular order.
    Boxes(Vec<Candidate>),
}

/// Reads what the filter keeps out of the model's outputs for one picture, whose model input had
/// the size `input`.
///
/// # Errors
/// When an output is missing, has another shape than the decoder reads, or holds no finite score.
pub fn decode(
    outputs: &Outputs<'_>,
    output: &Output,
    input: Size,
    filter: &Filter<'_>,
) -> Result<Found, DecodeError> {
    match output.decoder {
        Decoder::Softmax | Decoder::Sigmoid | Decoder::Logits => {
            top_k::decode(outputs, output, filter)
        }
        Decoder::EndToEnd => end_to_end::decode(outputs, output, input, filter),
        Decoder::ScoredBoxes => scored_boxes::decode(outputs, output, input, filter),
    }
}

/// The tensor of a role that the decoder cannot do without.
fn required<'a>(
    tensor: Option<&'a Tensor>,
    output: &'static str,
) -> Result<&'a Tensor, DecodeError> {
    tensor.ok_or(DecodeError::MissingOutput { output })
}

/// The complaint that a tensor has not the wanted shape.
fn wrong_shape(output: &'static str, wanted: impl Into<String>, tensor: &Tensor) -> DecodeError {
    DecodeError::WrongShape {
        output,
        wanted: wanted.into(),
        got: tensor.shape().to_vec(),
    }
}
