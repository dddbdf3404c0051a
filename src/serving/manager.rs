//! The manager: one stream of versions for each model, and the servables of those that serve.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    model::name::{Label, ModelName},
    telemetry::statistics::ModelStats,
};

use super::{
    ServeError,
    aspired::AspiredModel,
    choice::{Choice, VersionChoice},
    loader::LoadContext,
    overrides::{ModelOverride, Overrides},
    servable::Servable,
    state::{ModelStatus, State, VersionStatus},
    stream::{Stream, StreamHandle},
};

/// How often it is looked whether loads have ended.
const LOADING_LOOK: Duration = Duration::from_millis(20);

/// A hold on a version, and the label that chose it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The version.
    pub servable: Arc<Servable>,
    /// The label asked for, or `stable` where nothing was.
    pub label: Option<Label>,
}

/// Keeps every model's versions as they are wanted and hands out those that serve.
#[derive(Debug)]
pub struct Manager {
    context: Arc<LoadContext>,
    streams: RwLock<BTreeMap<ModelName, StreamHandle>>,
    changed: watch::Sender<u64>,
    wishes: Mutex<Wishes>,
}

/// What the root says of each model, and what is wanted in its place. Locked until the streams
/// know, so that what is wanted last is what they are told last.
#[derive(Debug, Default)]
struct Wishes {
    aspired: BTreeMap<ModelName, AspiredModel>,
    overrides: Overrides,
    /// Nothing is wanted any more.
    stopping: bool,
}

impl Manager {
    /// A manager without models.
    #[must_use]
    pub fn new(context: LoadContext) -> Self {
        Self {
            context: Arc::new(context),
            streams: RwLock::default(),
            changed: watch::Sender::new(0),
            wishes: Mutex::default(),
        }
    }

    /// Makes a model as it is wanted. The newest call counts: the model's own task gets there as
    /// soon as it can, and leaves the other models alone.
    pub fn set_aspired(&self, aspired: AspiredModel) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = wishes.overrides.apply(&aspired);
        wishes.aspired.insert(aspired.name.clone(), aspired);
        self.want(&wishes, wanted);
    }

    /// Takes a model out of service, whatever the root says, until it is loaded.
    pub fn withhold(&self, name: &ModelName) {
        self.override_with(|overrides| {
            overrides.withheld.insert(name.clone());
        });
    }

    /// Ends what [`Self::withhold`] began.
    pub fn release(&self, name: &ModelName) {
        self.override_with(|overrides| {
            overrides.withheld.remove(name);
        });
    }

    /// Serves these models alone, each as it is said here and not in the root.
    pub fn configure(&self, models: BTreeMap<ModelName, ModelOverride>) {
        self.override_with(|overrides| overrides.config = Some(models));
    }

    fn override_with(&self, change: impl FnOnce(&mut Overrides)) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wishes.overrides);
        for aspired in wishes.aspired.values() {
            self.want(&wishes, wishes.overrides.apply(aspired));
        }
    }

    fn want(&self, wishes: &Wishes, wanted: AspiredModel) {
        if wishes.stopping {
            return;
        }
        let name = wanted.name.clone();
        self.with_stream(&name, |stream| {
            stream.aspired.send_replace(Some(wanted));
        });
    }

    /// Takes every version out of service for good, and waits until their last runs have ended: a
    /// process that ends while the engine computes may crash.
    pub async fn stop(&self) {
        self.withdraw_all();
        let mut changes = self.changes();
        let runs = |version: &VersionStatus| match version.state {
            State::Loading | State::Available | State::Unloading => true,
            State::Start | State::End => false,
        };
        loop {
            changes.borrow_and_update();
            let models = self.models();
            let mut versions = models.iter().flat_map(|model| &model.versions);
            if !versions.any(runs) || changes.changed().await.is_err() {
                break;
            }
        }
        // A load that was given up computes on until its step is done.
        while self.context.pace.is_loading() {
            tokio::time::sleep(LOADING_LOOK).await;
        }
    }

    fn withdraw_all(&self) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        wishes.stopping = true;
        for name in self.models().into_iter().map(|model| model.name) {
            let mut withdrawn = AspiredModel::new(name.clone());
            withdrawn.withdrawn = true;
            self.with_stream(&name, |stream| {
                stream.aspired.send_replace(Some(withdrawn));
            });
        }
    }

    /// Counts a model as not settled until it is said how it is wanted.
    pub(super) fn expect(&self, name: &ModelName) {
        self.with_stream(name, |_| ());
    }

    fn with_stream(&self, name: &ModelName, then: impl FnOnce(&StreamHandle)) {
        let mut streams = self.streams.write().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.entry(name.clone()).or_insert_with(|| {
            let context = Arc::clone(&self.context);
            let (stream, handle) = Stream::new(name.clone(), context, self.changed.clone());
            self.context.foreground.spawn(stream.run());
            handle
        });
        then(stream);
    }

    /// How often and how long each version ran.
    #[must_use]
    pub fn statistics(&self) -> Vec<ModelStats> {
        self.context.metrics.statistics()
    }

    /// News of every change of any model's state.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Waits until the device that models run on is lost, and gives the engine's words. Nothing runs
    /// on it in this process any more.
    pub async fn device_lost(&self) -> String {
        self.context.device_loss.happened().await
    }

    /// Whether every model is, for now, as near to what is wanted as it can be.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        streams.values().all(|stream| stream.status.read().settled)
    }

    /// Every model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        let status = |stream: &StreamHandle| stream.status.read().model.clone();
        streams.values().map(status).collect()
    }

    /// One model.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn model(&self, name: &ModelName) -> Result<ModelStatus, ServeError> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.get(name);
        let stream = stream.ok_or_else(|| ServeError::ModelNotFound(name.clone()))?;
        Ok(stream.status.read().model.clone())
    }

    /// A hold on the version that is asked for.
    ///
    /// # Errors
    /// When the model, version or label is not known or cannot serve, with the reason.
    pub fn servable(&self, name: &ModelName, choice: &VersionChoice) -> Result<Chosen, ServeError> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.get(name);
        let stream = stream.ok_or_else(|| ServeError::ModelNotFound(name.clone()))?;
        let status = stream.status.read();
        let Choice { version, label } = status.model.choose(choice)?;
        let servable = status.servables.get(&version.id.version);
        let servable = Arc::clone(servable.ok_or(ServeError::Lost)?);
        Ok(Chosen { servable, label })
    }
}
