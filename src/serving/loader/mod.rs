//! From a version in storage to a servable: fetch → verify → open → bind → warm up → golden check.

mod golden;
mod open;
mod sessions;
mod warm_up;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc, task::spawn_blocking};
use uuid::Uuid;

use crate::{
    engine::Runtime,
    model::{
        contract::Contract,
        name::ModelName,
        served_version::{ServableId, ServedVersion},
    },
    preprocess::ImageLimits,
    provider::{self, Provider},
    telemetry::metrics::Metrics,
};

use super::{
    LoadError,
    aspired::{AspiredVersion, VersionFiles},
    batcher::BatchRule,
    cache::{Cache, Pinned, key_of},
    device_loss::DeviceLoss,
    instance::{self, Held, Shared},
    load_note::LoadNotes,
    pace::Pace,
    queue::{Queue, QueueLimits},
    resources::{Bytes, Memory, Reservation},
    servable::{Servable, metric_labels},
};
use open::Opened;

/// Memory that a session takes beside its weights, where nothing was measured yet.
const SESSION_BYTES: u64 = 48 << 20;

/// Sessions of an instance on a device whose contract says nothing of batches.
const DEVICE_SESSIONS: u64 = 3;

/// What a load takes beside the version's own files.
#[derive(Clone, Debug)]
pub struct LoadContext {
    /// The engine.
    pub runtime: Runtime,
    /// Threads that compute one run, where the contract does not say.
    pub threads: usize,
    /// Copies of the model that run side by side, where the contract does not say.
    pub instances: usize,
    /// On what it is run, in order of preference, where the contract does not say.
    pub providers: Vec<Provider>,
    /// Where what TensorRT compiles is kept, a folder for each model and driver.
    pub tensorrt_cache: PathBuf,
    /// How much may wait for one servable.
    pub queue: QueueLimits,
    /// The largest golden picture.
    pub images: ImageLimits,
    /// The memory that models share.
    pub memory: Arc<Memory>,
    /// Where sealed versions are kept.
    pub cache: Arc<Cache>,
    /// How loads and requests share the machine.
    pub pace: Arc<Pace>,
    /// Where it is told that the device of the models is lost.
    pub device_loss: DeviceLoss,
    /// Notes of loads that have begun.
    pub notes: LoadNotes,
    /// Where loads and servables are counted.
    pub metrics: Arc<Metrics>,
    /// The runtime that loads run on, of threads that step back behind all others.
    pub loads: Handle,
    /// The runtime that requests are served on. Instances are started from its threads, so that
    /// they do not inherit the priority of loads.
    pub foreground: Handle,
}

/// Where a version's files are on this machine, for as long as this lives.
#[derive(Debug)]
pub(super) enum Files {
    /// In the folder of models.
    InPlace(PathBuf),
    /// In the cache.
    Cached(Pinned),
}

impl Files {
    fn folder(&self) -> &Path {
        match self {
            Self::InPlace(folder) => folder,
            Self::Cached(pinned) => &pinned.folder,
        }
    }
}

/// A servable, and the news of its end.
#[derive(Debug)]
pub(super) struct Loaded {
    pub servable: Servable,
    /// Closed when the servable's last instance has ended.
    pub ended: mpsc::Receiver<()>,
    /// Memory that it takes.
    pub bytes: Bytes,
}

/// Reads the contract of a version's folder.
///
/// # Errors
/// When there is none, or it has faults: all of them.
pub fn read_contract(folder: &Path) -> Result<Contract, LoadError> {
    Ok(Contract::parse(&open::read_text(
        &folder.join("model.toml"),
    )?)?)
}

/// Memory that a version needs, by the size of its files: the weights once for each instance and
/// once more while they are read, and what a session takes beside.
pub(super) fn guess(context: &LoadContext, aspired: &AspiredVersion) -> Bytes {
    let instances = context.instances as u64;
    let weights = aspired.size.saturating_mul(instances + 1);
    let needed = weights.saturating_add(SESSION_BYTES.saturating_mul(instances));
    Bytes {
        host: needed,
        device: if provider::on_device(&context.providers) {
            needed.saturating_mul(DEVICE_SESSIONS)
        } else {
            0
        },
    }
}

/// Loads a version: after this it can serve. To be run on the runtime of loads.
///
/// # Errors
/// Why it cannot.
pub(super) async fn load(
    context: Arc<LoadContext>,
    name: ModelName,
    aspired: AspiredVersion,
    reservation: Reservation,
) -> Result<Loaded, LoadError> {
    let loading = context.pace.load();
    let files = fetch(&context, &aspired).await?;
    // What nobody sealed is somebody's workbench: its loads are broken off often.
    let note = match aspired.files {
        VersionFiles::Sealed { .. } => context.notes.begin(aspired.content).await?,
        VersionFiles::Folder(_) => None,
    };
    let id = ServableId {
        name,
        version: aspired.version,
    };
    let guess = guess(&context, &aspired);
    let (opening, opened_id) = (Arc::clone(&context), id.clone());
    let opened = spawn_blocking(move || {
        if let (Files::InPlace(folder), VersionFiles::Sealed { manifest, .. }) =
            (&files, &aspired.files)
        {
            open::verify(folder, manifest)?;
        }
        let opened = open::open(&opening, files.folder(), &opened_id, &aspired.files);
        drop((note, loading));
        // The memory is counted for as long as this runs, also where nobody waits for it any more.
        opened.map(|opened| (opened, files, reservation))
    });
    let (opened, files, reservation) = opened.await.map_err(|_| LoadError::Lost)??;
    if opened.alone {
        reservation.measured(&id.name, guess, opened.measured);
    } else {
        reservation.at_least(opened.measured);
    }
    serve(&context, id, opened, (reservation, files)).await
}

/// Makes a servable of a version that is open, and starts its instances.
async fn serve(
    context: &LoadContext,
    id: ServableId,
    opened: Opened,
    (reservation, files): (Reservation, Files),
) -> Result<Loaded, LoadError> {
    let (ended, end) = mpsc::channel(1);
    let bytes = reservation.bytes();
    let (labels, metrics) = (metric_labels(&id), Arc::clone(&context.metrics));
    let batching = &opened.contract.batching;
    let preferred = batching.preferred_batch_sizes.iter();
    let rule = BatchRule {
        size: opened.size,
        preferred: preferred.map(|size| *size as usize).collect(),
        delay: Duration::from_micros(batching.max_delay_us.into()),
        on_device: provider::on_device(&context.providers),
    };
    let instances = opened.runners.len();
    let named = (Arc::clone(&metrics), labels.clone());
    let queue = Queue::new(context.queue, rule, instances, named);
    let shared = Shared {
        queue: Arc::new(queue),
        held: Arc::new(Held {
            reservation,
            ended,
            files,
        }),
        metrics,
        labels,
        pace: Arc::clone(&context.pace),
        device_loss: context.device_loss.clone(),
    };
    let version = ServedVersion {
        id,
        load_id: Uuid::now_v7().to_string(),
        digest: opened.digest.to_string(),
        contract: opened.contract,
        labels: opened.labels,
        signature: opened.signature,
        bindings: opened.bindings,
        max_batch_size: opened.size.max(),
    };
    let servable = Servable {
        version: Arc::new(version),
        queue: Arc::clone(&shared.queue),
    };
    let runners = opened.runners;
    let start = async move {
        let mut runners = runners.into_iter();
        runners.try_for_each(|runner| instance::start(runner, shared.clone()))
    };
    let started = context.foreground.spawn(start).await;
    let started = started.map_err(|_| LoadError::Lost)?;
    started.map_err(|error| LoadError::Read {
        path: PathBuf::from("a thread for the model's runs"),
        error,
    })?;
    Ok(Loaded {
        servable,
        ended: end,
        bytes,
    })
}

async fn fetch(context: &LoadContext, aspired: &AspiredVersion) -> Result<Files, LoadError> {
    let (store, manifest) = match &aspired.files {
        VersionFiles::Folder(folder) => return Ok(Files::InPlace(folder.clone())),
        VersionFiles::Sealed { store, manifest } => (store, manifest),
    };
    let contract = key_of(&manifest.model, manifest.version, "model.toml")?;
    let in_place = store.local_path(&contract);
    match in_place.as_deref().and_then(Path::parent) {
        Some(folder) => Ok(Files::InPlace(folder.to_owned())),
        None => {
            let fetched = context
                .cache
                .fetch(store.as_ref(), manifest, aspired.content);
            fetched.await.map(Files::Cached)
        }
    }
}
