//! The manager: one stream of versions for each model, and the servables of those that serve.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

use crate::model::name::{Label, ModelName, Version};

use super::{
    ServeError,
    aspired::AspiredModel,
    loader::LoadContext,
    servable::Servable,
    state::{LabelStatus, ModelStatus, State, VersionStatus},
    stream::{Stream, StreamHandle},
};

/// Which version of a model is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionChoice {
    /// The one labelled `stable`, else the newest that can serve.
    #[default]
    Default,
    /// This one.
    Version(Version),
    /// The one that this label names.
    Label(Label),
}

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
    stopping: AtomicBool,
}

impl Manager {
    /// A manager without models.
    #[must_use]
    pub fn new(context: LoadContext) -> Self {
        Self {
            context: Arc::new(context),
            streams: RwLock::default(),
            changed: watch::Sender::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// Makes a model as it is wanted. The newest call counts: the model's own task gets there as
    /// soon as it can, and leaves the other models alone.
    pub fn set_aspired(&self, aspired: AspiredModel) {
        if self.stopping.load(Ordering::Acquire) {
            return;
        }
        let name = aspired.name.clone();
        self.with_stream(&name, |stream| {
            stream.aspired.send_replace(Some(aspired));
        });
    }

    /// Takes every version out of service for good, and waits until their last runs have ended: a
    /// process that ends while the engine computes may crash.
    pub async fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for name in self.models().into_iter().map(|model| model.name) {
            let mut withdrawn = AspiredModel::new(name.clone());
            withdrawn.withdrawn = true;
            self.with_stream(&name, |stream| {
                stream.aspired.send_replace(Some(withdrawn));
            });
        }
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
                return;
            }
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

    /// News of every change of any model's state.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
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
        self.with_model(name, |model| Ok(model.clone()))
    }

    /// A hold on the version that is asked for.
    ///
    /// # Errors
    /// When the model, version or label is not known or cannot serve, with the reason.
    pub fn servable(&self, name: &ModelName, choice: &VersionChoice) -> Result<Chosen, ServeError> {
        self.with_model(name, |model| choose(model, choice))
    }

    fn with_model<T>(
        &self,
        name: &ModelName,
        then: impl FnOnce(&ModelStatus) -> Result<T, ServeError>,
    ) -> Result<T, ServeError> {
        let streams = self.streams.read().unwrap_or_else(PoisonError::into_inner);
        match streams.get(name) {
            Some(stream) => then(&stream.status.read().model),
            None => Err(ServeError::ModelNotFound(name.clone())),
        }
    }
}

fn choose(model: &ModelStatus, choice: &VersionChoice) -> Result<Chosen, ServeError> {
    let (version, label) = match choice {
        VersionChoice::Default => {
            let default = model.default_version().cloned();
            let servable = default.ok_or_else(|| not_ready(model, model.versions.first()))?;
            let stable = model.label(Label::STABLE);
            let stable = stable.filter(|label| label.version == Some(servable.id.version));
            let label = stable.map(|label| label.label.clone());
            return Ok(Chosen { servable, label });
        }
        VersionChoice::Version(version) => (*version, None),
        VersionChoice::Label(label) => match model.label(label.as_str()) {
            Some(LabelStatus {
                version: Some(version),
                ..
            }) => (*version, Some(label.clone())),
            Some(LabelStatus { target, .. }) => return Err(pending(model, label, *target)),
            None => {
                return Err(ServeError::LabelNotFound {
                    name: model.name.clone(),
                    label: label.clone(),
                });
            }
        },
    };
    match model.version(version) {
        Some(VersionStatus {
            servable: Some(servable),
            ..
        }) => Ok(Chosen {
            servable: Arc::clone(servable),
            label,
        }),
        Some(status) => Err(not_ready(model, Some(status))),
        None => Err(ServeError::VersionNotFound {
            name: model.name.clone(),
            version,
        }),
    }
}

fn pending(model: &ModelStatus, label: &Label, target: Version) -> ServeError {
    ServeError::NotReady {
        name: model.name.clone(),
        reason: format!("label {label} is to name version {target}, which is not available yet"),
    }
}

fn not_ready(model: &ModelStatus, status: Option<&VersionStatus>) -> ServeError {
    let name = &model.name;
    let reason = match status {
        None => "it has no version".to_owned(),
        Some(status) => {
            let version = status.version;
            let first = status.message.lines().next().unwrap_or_default();
            let more = format!("{first}; GET /v1/models/{name} says more");
            match status.state {
                State::Start if first.is_empty() => format!("version {version} waits to be loaded"),
                State::Start => format!("version {version} is not loaded: {more}"),
                State::Loading => format!("version {version} is still being loaded"),
                State::Available => format!("version {version} is being replaced"),
                State::Unloading => format!("version {version} is being unloaded"),
                State::End => format!("version {version} is not loaded: {more}"),
            }
        }
    };
    ServeError::NotReady {
        name: name.clone(),
        reason,
    }
}
