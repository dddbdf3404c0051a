//! The model core, put together from its configuration.

use std::{path::Path, sync::Arc, time::Instant};

use tokio::{
    runtime::Handle,
    sync::{oneshot, watch},
    task::JoinSet,
};
use tracing::{info, warn};

use crate::{
    config::Config,
    engine::{DeviceMemory, Runtime, SessionOptions},
    preprocess::ImageLimits,
    serving::{
        cache::Cache,
        device_loss::DeviceLoss,
        load_note::LoadNotes,
        loader::LoadContext,
        manager::Manager,
        pace::Pace,
        queue::QueueLimits,
        resources::{Bytes, Memory, usual_part},
        source::{Rhythm, Source},
    },
    storage::{FolderStore, Location, ObjectStore, S3Settings, S3Store},
    telemetry::{metrics::Metrics, readiness::Readiness},
};

use super::{AppError, background::Background};

/// The server is ready by then also where some models are still being loaded.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// What loads take, as it is configured. They run on `loads`, their models on the runtime that this
/// is called on.
///
/// # Errors
/// When the engine or one of its providers does not start, or the cache's folder cannot be
/// written.
pub fn load_context(
    config: &Config,
    metrics: &Arc<Metrics>,
    loads: Handle,
) -> Result<LoadContext, AppError> {
    let cache = &config.cache;
    let unusable = |error| AppError::Cache {
        folder: cache.folder.clone(),
        error,
    };
    let host = config.engine.memory_bytes;
    let limit = Bytes {
        host: host.unwrap_or_else(Memory::usual_host_limit),
        device: DeviceMemory::read().map_or(u64::MAX, |device| usual_part(device.total)),
    };
    let pace = Arc::<Pace>::default();
    let runtime = Runtime::start(config.engine.library.as_deref())?;
    let options = SessionOptions {
        threads: config.engine.threads,
        providers: config.providers.clone(),
        tensorrt_cache: None,
    };
    options.check(&runtime)?;
    Ok(LoadContext {
        runtime,
        threads: config.engine.threads,
        instances: config.engine.instances,
        providers: options.providers,
        tensorrt_cache: cache.folder.join("tensorrt"),
        queue: QueueLimits {
            pictures: config.queue.pictures,
            bytes: config.queue.bytes,
        },
        images: image_limits(config),
        memory: Arc::new(Memory::new(limit, Arc::clone(metrics))),
        notes: LoadNotes::new(cache.folder.join("loading")),
        cache: Arc::new(
            Cache::open(cache.folder.clone(), cache.bytes, Arc::clone(&pace)).map_err(unusable)?,
        ),
        device_loss: DeviceLoss::default(),
        pace,
        metrics: Arc::clone(metrics),
        loads,
        foreground: Handle::current(),
    })
}

/// The largest picture, as it is configured.
#[must_use]
pub const fn image_limits(config: &Config) -> ImageLimits {
    ImageLimits {
        max_pixels: config.limits.image_pixels,
        max_side: config.limits.image_side,
    }
}

/// The store of the configured root.
///
/// # Errors
/// When the root is none.
pub async fn open_store(root: &str, config: &Config) -> Result<Arc<dyn ObjectStore>, AppError> {
    let location: Location = root.parse()?;
    Ok(match location {
        Location::Folder(root) => Arc::new(FolderStore::open(root)),
        Location::S3 { bucket, prefix } => {
            let settings = S3Settings {
                endpoint: config.s3.endpoint.clone(),
                region: config.s3.region.clone(),
                path_style: config.s3.path_style,
            };
            Arc::new(S3Store::open(&bucket, &prefix, &settings).await)
        }
    })
}

/// The model core of one process: a source, a manager, and the runtime of their work.
#[derive(Debug)]
pub(super) struct ModelCore {
    pub(super) manager: Arc<Manager>,
    looked: watch::Receiver<bool>,
    source: Source,
    /// Where loads run, for as long as this lives.
    _loads: Background,
    /// Notes of loads that have begun.
    pub(super) notes: LoadNotes,
    root: String,
}

impl ModelCore {
    pub(super) async fn start(config: &Config, metrics: &Arc<Metrics>) -> Result<Self, AppError> {
        let store = open_store(&config.models, config).await?;
        let is_missing = |folder: &Path| !folder.is_dir();
        if let Ok(Location::Folder(folder)) = config.models.parse()
            && is_missing(&folder)
        {
            return Err(AppError::NoFolder(folder));
        }
        let background = Background::start().map_err(AppError::Background)?;
        let loads = background.handle().cloned().unwrap_or_else(Handle::current);
        let context = load_context(config, metrics, loads)?;
        let (snapshots, notes) = (context.cache.folder("snapshots"), context.notes.clone());
        let manager = Arc::new(Manager::new(context));
        let rhythm = Rhythm {
            poll: config.source.poll,
            list: config.source.list,
        };
        let (watched, metrics) = (Arc::clone(&manager), Arc::clone(metrics));
        let source = Source::new(store, watched, metrics, rhythm, &snapshots);
        Ok(Self {
            manager,
            looked: source.looked(),
            source,
            _loads: background,
            notes,
            root: config.models.clone(),
        })
    }

    /// Loads what is wanted and keeps it so, for ever. Says through `ready` when requests can be
    /// answered for the first time, and keeps `readiness` true to whether they can.
    pub(super) async fn run(self, readiness: Readiness, ready: oneshot::Sender<()>) {
        let Self {
            manager,
            mut looked,
            source,
            _loads,
            root,
            ..
        } = self;
        let mut changes = manager.changes();
        let mut sources = JoinSet::new();
        sources.spawn(source.run());
        looked.wait_for(|looked| *looked).await.ok();
        let begun = Instant::now();
        let mut ready = Some(ready);
        let mut told_empty = false;
        loop {
            changes.borrow_and_update();
            let settled = manager.is_settled();
            let models = manager.models();
            let serving = models
                .iter()
                .filter(|model| model.default_version().is_some())
                .count();
            let patient = PATIENCE.saturating_sub(begun.elapsed());
            if 0 < serving && (settled || ready.is_none() || patient.is_zero()) {
                readiness.set(true);
                if let Some(ready) = ready.take() {
                    info!(models = models.len(), serving, "ready");
                    ready.send(()).ok();
                }
            } else {
                readiness.set(false);
                if settled && !told_empty {
                    warn!(
                        root,
                        models = models.len(),
                        "no model can be served yet; a model is <model>/<version>/model.onnx with \
                           a model.toml beside it, its version a number"
                    );
                    told_empty = true;
                }
            }
            let changed = tokio::time::timeout(
                patient.max(std::time::Duration::from_secs(1)),
                changes.changed(),
            );
            changed.await.ok();
        }
    }
}
