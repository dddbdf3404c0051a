//! A version's files become sessions that answered their first run. Blocks for as long as it takes.

use std::{fs, io, path::Path};

use crate::{
    engine::{DeviceMemory, ModelFile},
    model::{
        contract::{Contract, signature_check::Bindings},
        digest::Digest,
        labels::Labels,
        manifest::Manifest,
        served_version::ServableId,
        signature::Signature,
    },
    provider::{self, Provider},
};

use super::{
    LoadContext, LoadError,
    golden::{self, Subject},
    read_contract, sessions, warm_up,
};
use crate::serving::{
    aspired::VersionFiles, batch::BatchSize, cache::digest_of, instance::Runner, resources::Bytes,
};

/// The file of a version with its graph.
const MODEL_FILE: &str = "model.onnx";

/// A version that is open and warm.
#[derive(Debug)]
pub(super) struct Opened {
    pub contract: Contract,
    pub labels: Labels,
    pub signature: Signature,
    pub bindings: Bindings,
    pub digest: Digest,
    pub size: BatchSize,
    pub runners: Vec<Runner>,
    /// Memory that it took, no less than its weights.
    pub measured: Bytes,
    /// No other version was opened at the same time, whose memory would be measured too.
    pub alone: bool,
}

pub(super) fn open(
    context: &LoadContext,
    folder: &Path,
    id: &ServableId,
    files: &VersionFiles,
) -> Result<Opened, LoadError> {
    let contract = read_contract(folder)?;
    let labels = read_labels(folder, &contract)?;
    let providers = sessions::providers(context, &contract);
    let device = DeviceWatch::start(&providers);
    let watched = context.memory.watch(|| {
        let model = read_model(folder)?;
        let weights = model.bytes().len() as u64;
        let digest = match files {
            VersionFiles::Folder(_) => Digest::of(model.bytes()),
            VersionFiles::Sealed { manifest, .. } => manifest
                .file(MODEL_FILE)
                .map_or_else(|| Digest::of(model.bytes()), |file| file.sha256),
        };
        let options = sessions::options(context, &contract, (providers, digest));
        let opened = sessions::open(context, &contract, (&model, &options))?;
        let (mut runners, signature, bindings) = opened;
        drop(model);
        let labels = complete_labels(&contract, labels, &bindings)?;
        warm_up::warm_up(&mut runners, &contract, &labels, &bindings)?;
        if let Some(first) = runners.first_mut() {
            let subject = Subject {
                contract: &contract,
                labels: &labels,
                bindings: &bindings,
            };
            golden::check(folder, first, subject, &context.images)?;
        }
        Ok::<_, LoadError>((runners, (signature, bindings), labels, digest, weights))
    });
    let (runners, (signature, bindings), labels, digest, weights) = watched.result?;
    // Memory that was free within the process hides growth; the weights at least are there.
    let sessions = runners
        .iter()
        .map(|runner| runner.sessions.len())
        .sum::<usize>();
    let weights = weights.saturating_mul(sessions as u64);
    let size = sessions::batch_size(&contract, &bindings);
    let measured = match watched.alone {
        true => Bytes {
            host: watched.grown.max(weights),
            device: device.taken(),
        },
        false => Bytes {
            host: weights,
            device: 0,
        },
    };
    tracing::debug!(model.name = %id.name, model.version = %id.version,
                    memory_bytes = measured.host, device_memory_bytes = measured.device,
                    alone = watched.alone, "memory of a model measured");
    Ok(Opened {
        contract,
        labels,
        signature,
        bindings,
        digest,
        size,
        runners,
        measured,
        alone: watched.alone,
    })
}

/// Largest file beside a model that is read whole, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

pub(super) fn read_text(path: &Path) -> Result<String, LoadError> {
    read_small(path, |path| fs::read_to_string(path))
}

/// Reads a file that is no graph.
///
/// # Errors
/// When it is not there, or larger than such files are.
pub(super) fn read_small<T>(
    path: &Path,
    read: impl Fn(&Path) -> io::Result<T>,
) -> Result<T, LoadError> {
    let limited = || {
        if MAX_FILE_BYTES < path.metadata()?.len() {
            let words = format!("it is larger than {MAX_FILE_BYTES} bytes");
            return Err(io::Error::other(words));
        }
        read(path)
    };
    limited().map_err(|error| LoadError::Read {
        path: path.to_owned(),
        error,
    })
}

/// Holds files that lie in the folder of models against their manifest. What comes out of the
/// cache was held against it on its way in.
///
/// # Errors
/// Which file cannot be read, or is not what the manifest says.
pub(super) fn verify(folder: &Path, manifest: &Manifest) -> Result<(), LoadError> {
    for file in &manifest.files {
        let path = folder.join(&file.path);
        let unreadable = |error| LoadError::Read {
            path: path.clone(),
            error,
        };
        let found = path.metadata().map_err(unreadable)?.len();
        if found != file.size {
            return Err(LoadError::Size {
                path: file.path.clone(),
                expected: file.size,
                found,
            });
        }
        let found = digest_of(&path).map_err(unreadable)?;
        if found != file.sha256 {
            return Err(LoadError::Digest {
                path: file.path.clone(),
                expected: file.sha256,
                found,
            });
        }
    }
    Ok(())
}

fn read_model(folder: &Path) -> Result<ModelFile, LoadError> {
    let path = folder.join(MODEL_FILE);
    ModelFile::read(path.clone()).map_err(|error| LoadError::Read { path, error })
}

/// The device's free memory before a load, where the load is on it.
struct DeviceWatch(Option<DeviceMemory>);

impl DeviceWatch {
    fn start(providers: &[Provider]) -> Self {
        Self(
            provider::on_device(providers)
                .then(DeviceMemory::read)
                .flatten(),
        )
    }

    /// By how much less is free now.
    fn taken(&self) -> u64 {
        let before = self.0.as_ref().map_or(0, |memory| memory.free);
        let now = self.0.is_some().then(DeviceMemory::read).flatten();
        before.saturating_sub(now.map_or(before, |memory| memory.free))
    }
}

fn read_labels(folder: &Path, contract: &Contract) -> Result<Labels, LoadError> {
    let file = &contract.output.labels;
    let text = read_text(&folder.join(file))?;
    Labels::parse(&text).map_err(|error| LoadError::Labels {
        file: file.clone(),
        error,
    })
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
