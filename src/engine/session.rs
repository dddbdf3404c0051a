use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use half::f16;
use ort::{
    session::builder::{GraphOptimizationLevel, SessionBuilder},
    value::{DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, ValueType},
};

use super::{EngineError, Runtime, accelerator, threads::EngineThreads};
use crate::{
    model::signature::{Signature, TensorInfo},
    provider::Provider,
    tensor::{DType, Tensor, TensorData},
};

/// How a model is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads that compute one run on the processor.
    pub threads: usize,
    /// Execution providers in the order of preference; without `cpu` among them, a model that
    /// needs it is refused.
    pub providers: Vec<Provider>,
    /// Folder of this one model for what TensorRT compiles, which it makes where there is none.
    /// Its name has to change with the model and the driver. `None` compiles at every opening.
    pub tensorrt_cache: Option<PathBuf>,
}

/// One model, open and ready to run. A run takes it for itself; open several to run side by side.
#[derive(Debug)]
pub struct Session {
    inner: ort::session::Session,
    signature: Signature,
}

impl SessionOptions {
    /// Tries whether sessions can be opened so: whether each provider and its libraries are there.
    ///
    /// # Errors
    /// When one that is asked for is not, with the library that is missing.
    pub fn check(&self, runtime: &Runtime) -> Result<(), EngineError> {
        let builder = builder(runtime, self).map_err(EngineError::Start)?;
        accelerator::register(builder, self).map(drop)
    }
}

/// The setting that says where weights lie that the model keeps in files of their own.
const EXTERNAL_WEIGHTS: &str = "session.model_external_initializers_file_folder_path";

/// An ONNX file, read. Sessions are opened from memory because ONNX Runtime reads a file in small
/// pieces, into buffers that it doubles and copies: more than twice the time and memory.
#[derive(Clone, PartialEq, Eq)]
pub struct ModelFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl ModelFile {
    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: PathBuf) -> io::Result<Self> {
        let bytes = fs::read(&path)?;
        Ok(Self { path, bytes })
    }

    /// What is in it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for ModelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} bytes", self.path.display(), self.bytes.len())
    }
}

impl Session {
    /// Opens an ONNX file.
    ///
    /// # Errors
    /// When the file is no ONNX model or uses what the engine does not know, or when a provider
    /// that is asked for cannot be used.
    pub fn open(
        runtime: &Runtime,
        model: &ModelFile,
        options: &SessionOptions,
    ) -> Result<Self, EngineError> {
        let builder = builder(runtime, options).map_err(EngineError::Start)?;
        let mut builder = accelerator::register(builder, options)?;
        if let Some(folder) = model.path.parent().filter(|f| !f.as_os_str().is_empty()) {
            let folder = folder.to_string_lossy();
            builder = builder
                .with_config_entry(EXTERNAL_WEIGHTS, folder)
                .map_err(|error| EngineError::Start(error.into()))?;
        }
        let opened = builder.commit_from_memory(&model.bytes);
        let inner = opened.map_err(|error| unopened(&model.path, options, &error.to_string()))?;
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

fn builder(runtime: &Runtime, options: &SessionOptions) -> ort::Result<SessionBuilder> {
    Ok(ort::session::Session::builder(&runtime.environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(options.threads)?
        .with_intra_op_spinning(false)?
        .with_thread_manager(EngineThreads)?)
}

fn unopened(path: &Path, options: &SessionOptions, reason: &str) -> EngineError {
    // The path is anybody's words and may hold a provider's name.
    let words = reason.replace(&path.display().to_string(), "");
    match accelerator::culprit(&options.providers, &words) {
        Some(provider) => accelerator::refused(provider, reason),
        None => EngineError::Open {
            path: path.to_owned(),
            reason: reason.to_owned(),
        },
    }
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
