use std::collections::BTreeMap;

use serde::Deserialize;

/// What was converted, and how far the two models are apart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Report {
    /// The signature that was converted.
    pub signature: String,
    /// Its inputs, by name.
    pub inputs: Vec<Tensor>,
    /// Its outputs, by name.
    pub outputs: Vec<Tensor>,
    /// The version of ONNX's operators that the model is written in.
    pub opset: u32,
    /// What both models were run on: pictures' file names, and random inputs.
    pub samples: Vec<String>,
    /// The difference that was allowed.
    pub tolerance: f64,
    /// The worst of each output over all runs.
    pub differences: Vec<Difference>,
    /// What took part, by package.
    pub versions: BTreeMap<String, String>,
    /// How long each part took: import, load, convert, compare.
    pub seconds: BTreeMap<String, f64>,
}

/// An input or output of the signature.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Tensor {
    /// Name in the signature and in the ONNX model.
    pub name: String,
    /// TensorFlow's name of the element type.
    pub dtype: String,
    /// Axes, `None` for one of any size; `None` where even their number is open.
    pub shape: Option<Vec<Option<u64>>>,
}

/// How far an output of ONNX Runtime is from TensorFlow's.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Difference {
    /// The output.
    pub output: String,
    /// The largest difference of two elements.
    pub max_absolute: f64,
    /// The largest difference as a share of the output's range; `None` for whole numbers and for an
    /// output that was one value in every run.
    pub max_relative: Option<f64>,
}
