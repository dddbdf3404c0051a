//! The inputs and outputs that a model's graph declares.

use crate::tensor::DType;

/// A declared input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Name in the graph.
    pub name: String,
    /// Element type; `None` for one that no contract can name.
    pub dtype: Option<DType>,
    /// Axes, outermost first; `None` where an axis is dynamic.
    pub shape: Vec<Option<u64>>,
}

impl TensorInfo {
    /// The shape as people write it: `[batch?, 3, 224, 224]` is `[?, 3, 224, 224]`.
    #[must_use]
    pub fn shape_text(&self) -> String {
        let axes: Vec<String> = self
            .shape
            .iter()
            .map(|axis| axis.map_or("?".to_owned(), |n| n.to_string()))
            .collect();
        format!("[{}]", axes.join(", "))
    }
}

/// Everything that goes into and comes out of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Inputs in the graph's order.
    pub inputs: Vec<TensorInfo>,
    /// Outputs in the graph's order.
    pub outputs: Vec<TensorInfo>,
}
