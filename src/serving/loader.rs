//! From a version's folder to a servable: read, check, open, bind, warm up.

use std::{
    fs,
    io::{self, BufRead as _},
    path::Path,
    sync::Arc,
};

use futures_util::future::join_all;
use sha2::{Digest as _, Sha256};
use tracing::warn;

use crate::{
    engine::{Runtime, Session, SessionThreads},
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
    telemetry::metrics::Metrics,
    tensor::{DType, Tensor, TensorData},
};

use super::{
    LoadError, ServeError,
    batch::BatchSize,
    instances::Instances,
    servable::{Servable, ServableId},
    source::AspiredVersion,
};

/// What a load takes beside the version's own folder.
#[derive(Clone, Debug)]
pub struct LoadContext {
    /// The engine.
    pub runtime: Runtime,
    /// Threads that compute one run, where the contract does not say.
    pub threads: usize,
    /// Copies of the model that run side by side, where the contract does not say.
    pub instances: usize,
    /// Where the servable counts its runs.
    pub metrics: Arc<Metrics>,
}

/// Reads the contract of a version's folder.
///
/// # Errors
/// When there is none, or it has faults: all of them.
pub fn read_contract(folder: &Path) -> Result<Contract, LoadError> {
    Ok(Contract::parse(&read_text(&folder.join("model.toml"))?)?)
}

/// Loads a version: after this it can serve. The work is done on a thread of the blocking pool.
///
/// # Errors
/// Why it cannot.
pub async fn load(context: &LoadContext, aspired: &AspiredVersion) -> Result<Servable, LoadError> {
    let (context, aspired) = (context.clone(), aspired.clone());
    let opened = tokio::task::spawn_blocking(move || open(&context, &aspired));
    let servable = opened
        .await
        .map_err(|_| LoadError::WarmUp(ServeError::Lost))??;
    warm_up(&servable).await?;
    Ok(servable)
}

fn open(context: &LoadContext, aspired: &AspiredVersion) -> Result<Servable, LoadError> {
    let folder = &aspired.folder;
    let contract = read_contract(folder)?;
    if contract.batching.max_delay_us.is_some() {
        warn!(model.name = %aspired.name, model.version = %aspired.version,
              "batching.max_delay_us has no effect, requests are not batched together");
    }
    let labels = read_labels(folder, &contract)?;
    let model = folder.join("model.onnx");
    let digest = digest(&model).map_err(|error| LoadError::Read {
        path: model.clone(),
        error,
    })?;
    let threads = contract
        .engine
        .threads
        .map_or(context.threads, |n| n as usize);
    let first = Session::open(&context.runtime, &model, SessionThreads(threads))?;
    let bindings = contract.bind(first.signature())?;
    let labels = complete_labels(&contract, labels, &bindings)?;
    let count = contract
        .engine
        .instances
        .map_or(context.instances, |n| n as usize);
    let mut sessions = vec![first];
    while sessions.len() < count {
        sessions.push(Session::open(
            &context.runtime,
            &model,
            SessionThreads(threads),
        )?);
    }
    Ok(Servable {
        id: ServableId {
            name: aspired.name.clone(),
            version: aspired.version,
        },
        digest,
        batch_size: batch_size(&contract, &bindings),
        instances: Arc::new(Instances::new(bindings.input.clone(), sessions)),
        metrics: Arc::clone(&context.metrics),
        contract,
        labels,
        bindings,
    })
}

fn read_text(path: &Path) -> Result<String, LoadError> {
    fs::read_to_string(path).map_err(|error| LoadError::Read {
        path: path.to_owned(),
        error,
    })
}

fn read_labels(folder: &Path, contract: &Contract) -> Result<Labels, LoadError> {
    let file = &contract.output.labels;
    let text = read_text(&folder.join(file))?;
    Labels::parse(&text).map_err(|error| LoadError::Labels {
        file: file.clone(),
        error,
    })
}

/// SHA-256 of a file, as `sha256:` and 64 hexadecimal digits.
fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = io::BufReader::with_capacity(1 << 20, fs::File::open(path)?);
    loop {
        let bytes = file.fill_buf()?;
        if bytes.is_empty() {
            break;
        }
        hasher.update(bytes);
        let read = bytes.len();
        file.consume(read);
    }
    let hex: String = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(format!("sha256:{hex}"))
}

/// A list of labels has a line for each class; it may leave the background class out.
fn complete_labels(
    contract: &Contract,
    labels: Labels,
    bindings: &Bindings,
) -> Result<Labels, LoadError> {
    let Some(classes) = bindings.classes else {
        return Ok(labels);
    };
    let lines = labels.names().len() as u64;
    match contract.output.background_class {
        _ if lines == classes => Ok(labels),
        Some(background) if lines + 1 == classes => Ok(labels.with_background(background as usize)),
        _ => Err(LoadError::LabelCount {
            file: contract.output.labels.clone(),
            labels: labels.names().len(),
            classes,
        }),
    }
}

fn batch_size(contract: &Contract, bindings: &Bindings) -> BatchSize {
    match bindings
        .fixed_batch
        .and_then(|size| usize::try_from(size).ok())
    {
        Some(size) => BatchSize::Fixed(size.max(1)),
        None => BatchSize::UpTo(contract.batching.max_batch_size as usize),
    }
}

/// Runs the model once on an empty picture, on every instance, and decodes the answer, so that
/// the first request meets neither a cold model nor one whose outputs make no sense.
async fn warm_up(servable: &Servable) -> Result<(), LoadError> {
    let contract = &servable.contract;
    let input = empty_input(&contract.input).map_err(LoadError::WarmUp)?;
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
    // Polled together, each run takes an instance of its own.
    let runs = (0..servable.instances.count()).map(|_| servable.predict(vec![input.clone()]));
    for prediction in join_all(runs).await.into_iter().flatten() {
        let prediction = prediction.map_err(LoadError::WarmUp)?;
        let outputs = servable.outputs(&prediction);
        let (output, labels) = (&contract.output, &servable.labels);
        postprocess(&outputs, output, labels, &geometry, &selection)
            .map_err(LoadError::WarmUpAnswer)?;
    }
    Ok(())
}

/// An input of zeros in the contract's own shape; a dynamic side has its smallest size.
fn empty_input(input: &Input) -> Result<Tensor, ServeError> {
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
