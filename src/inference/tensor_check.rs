//! Tensors of requests, held against what a model takes.

use crate::{
    error::{ErrorCode, Problem},
    model::{
        contract::input::{Input, Layout},
        served_version::ServedVersion,
        signature::TensorInfo,
    },
    tensor::Tensor,
};

/// Most rows in an input: of more, each takes its part of a queue that is made for no more.
const MAX_ROWS: usize = 1024;

/// Models take one input.
///
/// # Errors
/// `invalid_tensor` where there are more, or none.
pub fn one_input(given: usize) -> Result<(), Problem> {
    if given == 1 {
        return Ok(());
    }
    let detail = format!("the model takes one input, the request has {given}");
    Err(invalid(detail))
}

/// Holds an input against what the graph takes.
pub(super) fn check(version: &ServedVersion, name: &str, tensor: &Tensor) -> Result<(), Problem> {
    let wanted = &version.bindings.input;
    let info = version
        .signature
        .inputs
        .iter()
        .find(|info| info.name == name);
    let Some(info) = info.filter(|info| info.name == *wanted) else {
        return Err(invalid(format!(
            "the model's input is \"{wanted}\", not \"{name}\""
        )));
    };
    if info.dtype != Some(tensor.dtype()) {
        let takes = version.contract.input.dtype;
        let detail = format!("input \"{name}\" is {takes}, not {}", tensor.dtype());
        return Err(invalid(detail));
    }
    if !fits(info, tensor.shape()) {
        let (takes, given) = (info.shape_text(), tensor.shape());
        return Err(invalid(format!(
            "input \"{name}\" is {takes}, not {given:?}"
        )));
    }
    if tensor.shape().first().is_some_and(|rows| MAX_ROWS < *rows) {
        return Err(invalid(format!(
            "input \"{name}\" has more than {MAX_ROWS} rows"
        )));
    }
    check_sides(&version.contract.input, name, tensor.shape())
}

/// Whether a shape is one that the graph takes. Its first axis counts rows, which are put together
/// for a run as the graph wants them.
fn fits(info: &TensorInfo, shape: &[usize]) -> bool {
    let (Some([_, axes @ ..]), [rows, given @ ..]) = (info.shape.get(..), shape) else {
        return false;
    };
    let same = |(axis, given): (&Option<u64>, &usize)| {
        axis.is_none_or(|axis| axis == *given as u64) && *given != 0
    };
    *rows != 0 && axes.len() == given.len() && axes.iter().zip(given).all(same)
}

/// Where the graph takes pictures of any size, the contract says how large they may be.
fn check_sides(input: &Input, name: &str, shape: &[usize]) -> Result<(), Problem> {
    let (height, width) = match (input.layout, shape) {
        (Layout::Nchw, [_, _, height, width]) | (Layout::Nhwc, [_, height, width, _]) => {
            (*height, *width)
        }
        (Layout::Nchw | Layout::Nhwc, _) => return Ok(()),
    };
    let (highest, widest) = (input.height.max(), input.width.max());
    let exceeds = |side: usize, most: u32| u64::from(most) < side as u64;
    if exceeds(height, highest) || exceeds(width, widest) {
        return Err(invalid(format!(
            "input \"{name}\" is of {width}x{height} pixels, more than {widest}x{highest}"
        )));
    }
    Ok(())
}

pub(super) fn invalid(detail: String) -> Problem {
    Problem::new(ErrorCode::InvalidTensor, detail)
}
