use std::path::Path;

use half::f16;
use ort::{
    session::builder::GraphOptimizationLevel,
    value::{DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, ValueType},
};

use super::{EngineError, Runtime};
use crate::{
    model::signature::{Signature, TensorInfo},
    tensor::{DType, Tensor, TensorData},
};

/// Threads that compute one run of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionThreads(pub usize);

/// One model, open and ready to run. A run takes it for itself; open several to run side by side.
#[derive(Debug)]
pub struct Session {
    inner: ort::session::Session,
    signature: Signature,
}

impl Session {
    /// Opens an ONNX file on the CPU.
    ///
    /// # Errors
    /// When the file is no ONNX model or uses what the engine does not know.
    pub fn open(
        runtime: &Runtime,
        path: &Path,
        threads: SessionThreads,
    ) -> Result<Self, EngineError> {
        let inner = open(runtime, path, threads).map_err(|error| EngineError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let signature = Signature {
            inputs: inner.inputs().iter().map(info).collect(),
            outputs: inner.outputs().iter().map(info).collect(),
        };
        Ok(Self { inner, signature })
    }

    /// The inputs and outputs that the graph declares.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Runs the model on one input and gives every output that a decoder could read, by name.
    /// Blocks for as long as the model computes.
    ///
    /// # Errors
    /// When the input does not fit the graph, or the engine fails.
    pub fn run(&mut self, name: &str, input: Tensor) -> Result<Vec<(String, Tensor)>, EngineError> {
        let value = to_value(input).map_err(EngineError::Run)?;
        let outputs = self
            .inner
            .run(ort::inputs![name => value])
            .map_err(EngineError::Run)?;
        outputs
            .into_iter()
            .map(|(name, value)| Ok((name.to_owned(), from_value(name, &value)?)))
            .collect()
    }
}

fn open(
    runtime: &Runtime,
    path: &Path,
    threads: SessionThreads,
) -> ort::Result<ort::session::Session> {
    ort::session::Session::builder(&runtime.environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads.0)?
        .with_intra_op_spinning(false)?
        .commit_from_file(path)
}

fn info(outlet: &Outlet) -> TensorInfo {
    let (dtype, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => (
            dtype(*ty),
            shape.iter().map(|axis| u64::try_from(*axis).ok()).collect(),
        ),
        ValueType::Sequence(_) | ValueType::Map { .. } | ValueType::Optional(_) => {
            (None, Vec::new())
        }
    };
    TensorInfo {
        name: outlet.name().to_owned(),
        dtype,
        shape,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the engine knows two dozen types, a contract five; the rest is refused by name"
)]
fn dtype(element: TensorElementType) -> Option<DType> {
    match element {
        TensorElementType::Float32 => Some(DType::Float32),
        TensorElementType::Float16 => Some(DType::Float16),
        TensorElementType::Uint8 => Some(DType::Uint8),
        TensorElementType::Int32 => Some(DType::Int32),
        TensorElementType::Int64 => Some(DType::Int64),
        _ => None,
    }
}

fn to_value(tensor: Tensor) -> ort::Result<DynValue> {
    let shape = tensor.shape().to_vec();
    match tensor.into_data() {
        TensorData::F32(v) => ort::value::Tensor::from_array((shape, v)).map(|t| t.into_dyn()),
        TensorData::F16(v) => ort::value::Tensor::from_array((shape, v)).map(|t| t.into_dyn()),
        TensorData::U8(v) => ort::value::Tensor::from_array((shape, v)).map(|t| t.into_dyn()),
        TensorData::I32(v) => ort::value::Tensor::from_array((shape, v)).map(|t| t.into_dyn()),
        TensorData::I64(v) => ort::value::Tensor::from_array((shape, v)).map(|t| t.into_dyn()),
    }
}

fn from_value(name: &str, value: &DynValue) -> Result<Tensor, EngineError> {
    let unsupported = || EngineError::OutputType(name.to_owned());
    let element = match value.dtype() {
        ValueType::Tensor { ty, .. } => dtype(*ty).ok_or_else(unsupported)?,
        ValueType::Sequence(_) | ValueType::Map { .. } | ValueType::Optional(_) => {
            return Err(unsupported());
        }
    };
    match element {
        DType::Float32 => copied::<f32>(name, value, TensorData::F32),
        DType::Float16 => copied::<f16>(name, value, TensorData::F16),
        DType::Uint8 => copied::<u8>(name, value, TensorData::U8),
        DType::Int32 => copied::<i32>(name, value, TensorData::I32),
        DType::Int64 => copied::<i64>(name, value, TensorData::I64),
    }
}

fn copied<T: PrimitiveTensorElementType + Clone>(
    name: &str,
    value: &DynValue,
    wrap: fn(Vec<T>) -> TensorData,
) -> Result<Tensor, EngineError> {
    let (shape, elements) = value.try_extract_tensor::<T>().map_err(EngineError::Run)?;
    let shape = shape
        .iter()
        .map(|axis| usize::try_from(*axis).unwrap_or(0))
        .collect();
    Tensor::new(shape, wrap(elements.to_vec())).map_err(|error| EngineError::OutputShape {
        name: name.to_owned(),
        error,
    })
}
