//! What the tests of decoders start from.

use crate::geometry::Size;
use crate::model::contract::output::{Decoder, Output, OutputTensors};
use crate::postprocess::selection::Selection;
use crate::tensor::{Tensor, TensorData};

/// A model input of 100 × 50 pixels.
pub(crate) const INPUT: Size = Size::new(100, 50);

/// A contract that says nothing but its decoder.
pub(crate) fn output(decoder: Decoder) -> Output {
    Output {
        decoder,
        tensors: OutputTensors::default(),
        labels: "labels.txt".to_owned(),
        scores_are: None,
        box_format: None,
        box_units: None,
        nms: None,
        background_class: None,
        keypoint_names: Vec::new(),
    }
}

/// A request that keeps everything.
pub(crate) fn selection() -> Selection {
    Selection {
        top_k: usize::MAX,
        confidence: 0.0,
        iou: 0.5,
        max_detections: usize::MAX,
        classes: None,
    }
}

/// A tensor of those numbers.
pub(crate) fn tensor(shape: &[usize], numbers: &[f32]) -> Tensor {
    Tensor::new(shape.to_vec(), TensorData::F32(numbers.to_vec())).expect("shape fits")
}
