//! The manager: every version's state, and the servables of those that serve.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use tracing::{error, info};

use crate::{
    model::name::{ModelName, Version},
    telemetry::metrics::ModelLabels,
};

use super::{
    ServeError,
    loader::{self, LoadContext},
    servable::Servable,
    source::AspiredVersion,
    state::State,
};

/// A version as it stands now.
#[derive(Clone, Debug)]
pub struct VersionStatus {
    /// The version.
    pub version: Version,
    /// Where it is in its life.
    pub state: State,
    /// Why it is there, where that needs saying.
    pub message: String,
    /// The servable, while there is one.
    pub servable: Option<Arc<Servable>>,
}

/// A model as it stands now.
#[derive(Clone, Debug)]
pub struct ModelStatus {
    /// The model.
    pub name: ModelName,
    /// Its versions, newest first.
    pub versions: Vec<VersionStatus>,
}

impl ModelStatus {
    /// The version that answers where none is asked for: the newest that can serve.
    #[must_use]
    pub fn default_version(&self) -> Option<&Arc<Servable>> {
        self.versions
            .iter()
            .find_map(|version| version.servable.as_ref())
    }
}

/// Keeps the states of all versions and hands out those that serve.
#[derive(Debug)]
pub struct Manager {
    context: LoadContext,
    models: RwLock<BTreeMap<ModelName, BTreeMap<Version, VersionStatus>>>,
}

impl Manager {
    /// A manager without models.
    #[must_use]
    pub fn new(context: LoadContext) -> Self {
        Self {
            context,
            models: RwLock::default(),
        }
    }

    /// Loads versions one after the other. One that fails ends with its reason and leaves the
    /// others alone. Gives the reports of those that failed.
    pub async fn load(&self, aspired: Vec<AspiredVersion>) -> Vec<String> {
        for wanted in &aspired {
            self.set(wanted, State::Start, String::new(), None);
        }
        let mut failed = Vec::new();
        for wanted in aspired {
            self.set(&wanted, State::Loading, String::new(), None);
            let begun = Instant::now();
            let labels = ModelLabels {
                model: wanted.name.to_string(),
                version: wanted.version.to_string(),
            };
            match loader::load(&self.context, &wanted).await {
                Ok(servable) => {
                    let elapsed_s = begun.elapsed().as_secs_f64();
                    info!(model.name = %wanted.name, model.version = %wanted.version,
                          digest = servable.digest, elapsed_s, "model version available");
                    self.context.metrics.model_available(&labels, true);
                    self.set(
                        &wanted,
                        State::Available,
                        String::new(),
                        Some(Arc::new(servable)),
                    );
                }
                Err(cause) => {
                    error!(model.name = %wanted.name, model.version = %wanted.version,
                           reason = %cause, "model load failed");
                    self.context.metrics.model_available(&labels, false);
                    let (name, version) = (&wanted.name, wanted.version);
                    failed.push(format!("{name} version {version}: {cause}"));
                    self.set(&wanted, State::End, cause.to_string(), None);
                }
            }
        }
        failed
    }

    fn set(
        &self,
        wanted: &AspiredVersion,
        state: State,
        message: String,
        servable: Option<Arc<Servable>>,
    ) {
        let status = VersionStatus {
            version: wanted.version,
            state,
            message,
            servable,
        };
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        models
            .entry(wanted.name.clone())
            .or_default()
            .insert(wanted.version, status);
    }

    /// Every model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        models
            .iter()
            .map(|(name, versions)| status(name, versions))
            .collect()
    }

    /// One model.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn model(&self, name: &ModelName) -> Result<ModelStatus, ServeError> {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let versions = models
            .get(name)
            .ok_or_else(|| ServeError::ModelNotFound(name.clone()))?;
        Ok(status(name, versions))
    }

    /// The servable of a version, or of the newest that can serve.
    ///
    /// # Errors
    /// When the model or version is not known or cannot serve, with the reason.
    pub fn servable(
        &self,
        name: &ModelName,
        version: Option<Version>,
    ) -> Result<Arc<Servable>, ServeError> {
        let model = self.model(name)?;
        let Some(version) = version else {
            let newest = model.default_version().cloned();
            return newest.ok_or_else(|| not_ready(name, model.versions.first()));
        };
        let status = model
            .versions
            .iter()
            .find(|status| status.version == version);
        match status {
            Some(VersionStatus {
                servable: Some(servable),
                ..
            }) => Ok(Arc::clone(servable)),
            Some(_) => Err(not_ready(name, status)),
            None => Err(ServeError::VersionNotFound {
                name: name.clone(),
                version,
            }),
        }
    }
}

fn status(name: &ModelName, versions: &BTreeMap<Version, VersionStatus>) -> ModelStatus {
    ModelStatus {
        name: name.clone(),
        versions: versions.values().rev().cloned().collect(),
    }
}

fn not_ready(name: &ModelName, status: Option<&VersionStatus>) -> ServeError {
    let reason = match status {
        Some(VersionStatus {
            state: State::End,
            message,
            version,
            ..
        }) => {
            let first = message.lines().next().unwrap_or_default();
            format!("version {version} failed to load: {first}; GET /v1/models/{name} says more")
        }
        Some(VersionStatus { version, .. }) => format!("version {version} is still being loaded"),
        None => "it has no version".to_owned(),
    };
    ServeError::NotReady {
        name: name.clone(),
        reason,
    }
}
