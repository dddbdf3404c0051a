//! The first runs of a version, before any request can meet it.

use std::collections::BTreeSet;

use crate::{
    geometry::{Geometry, Size},
    model::{
        contract::{
            Contract,
            input::{Input, Layout, Side},
            signature_check::Bindings,
        },
        labels::Labels,
    },
    postprocess::{postprocess, selection::Selection},
    serving::{LoadError, ServeError, instance::Runner, servable::roles},
    tensor::{DType, Tensor, TensorData},
};

/// Runs every instance on an empty picture at the sizes of batches that it will serve, and decodes
/// the answers, so that the first request meets neither a cold model nor one whose outputs make
/// no sense.
pub(super) fn warm_up(
    runners: &mut [Runner],
    contract: &Contract,
    labels: &Labels,
    bindings: &Bindings,
) -> Result<(), LoadError> {
    for runner in runners {
        for batch in sizes(contract, runner) {
            let failed = |error: ServeError| LoadError::WarmUp { batch, error };
            let input = empty_input(&contract.input).map_err(failed)?;
            let answers = runner.run(vec![input; batch]).map_err(failed)?;
            for outputs in answers {
                decode(&roles(bindings, &outputs), contract, labels)?;
            }
        }
    }
    Ok(())
}

/// One picture, what the model prefers, and a full run of each session.
fn sizes(contract: &Contract, runner: &Runner) -> BTreeSet<usize> {
    let full: BTreeSet<usize> = runner.sessions.iter().map(|(size, _)| size.max()).collect();
    let most = full.last().copied().unwrap_or(1);
    let preferred = contract.batching.preferred_batch_sizes.iter();
    let preferred = preferred.map(|batch| *batch as usize);
    let mut sizes: BTreeSet<usize> = preferred.filter(|batch| *batch <= most).collect();
    sizes.insert(1);
    sizes.extend(full);
    sizes
}

fn decode(
    outputs: &crate::postprocess::Outputs<'_>,
    contract: &Contract,
    labels: &Labels,
) -> Result<(), LoadError> {
    let size = Size::new(contract.input.width.max(), contract.input.height.max());
    let geometry = Geometry {
        picture: size,
        input: size,
        scale: [1.0; 2],
        offset: [0.0; 2],
    };
    let selection = Selection {
        top_k: 1,
        confidence: 0.0,
        iou: 0.5,
        max_detections: 1,
        classes: None,
    };
    postprocess(outputs, &contract.output, labels, &geometry, &selection)
        .map(drop)
        .map_err(LoadError::WarmUpAnswer)
}

/// An input of zeros in the contract's own shape; a dynamic side has its smallest size.
pub(super) fn empty_input(input: &Input) -> Result<Tensor, ServeError> {
    let pixels = |side: Side| match side {
        Side::Fixed(pixels) => pixels as usize,
        Side::Range(range) => range.min as usize,
    };
    let (rows, columns) = (pixels(input.height), pixels(input.width));
    let channels = input.color.channels();
    let shape = match input.layout {
        Layout::Nchw => vec![1, channels, rows, columns],
        Layout::Nhwc => vec![1, rows, columns, channels],
    };
    let count = rows * columns * channels;
    let data = match input.dtype {
        DType::Float32 => TensorData::F32(vec![0.0; count]),
        DType::Float16 => TensorData::F16(vec![half::f16::ZERO; count]),
        DType::Uint8 => TensorData::U8(vec![0; count]),
        DType::Int32 => TensorData::I32(vec![0; count]),
        DType::Int64 => TensorData::I64(vec![0; count]),
    };
    Ok(Tensor::new(shape, data)?)
}
