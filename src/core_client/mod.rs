//! The one way to the model core. What lies above knows nothing of it but this.

pub mod catalog;
pub mod remote;
mod repository;
mod statistics;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::error;

use crate::{
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    model::{
        contract::Contract,
        labels::Labels,
        name::{Label, ModelName},
        served_version::ServedVersion,
    },
    postprocess::Outputs,
    proto::generated::inference::ModelStatistics,
    serving::{
        ServeError,
        choice::{Choice, VersionChoice},
        manager::{Chosen, Manager},
        overrides::ModelOverride,
        servable::{Prediction, Servable, metric_labels, roles},
        state::ModelStatus,
    },
    telemetry::metrics::ModelLabels,
    tensor::Tensor,
};

use remote::{CorePool, RemoteServable};

/// The way to the model core.
#[derive(Clone, Debug)]
pub enum CoreClient {
    /// The core runs in this process and is called like any function.
    InProcess(Arc<Manager>),
    /// Cores run in processes of their own and are called over gRPC.
    Remote(Arc<CorePool>),
}

/// Why a picture has no prediction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PredictError {
    /// The version was taken out of service since it was chosen, and nothing was computed: the
    /// request may be answered by the version that answers now.
    Withdrawn,
    /// What went wrong.
    Problem(Problem),
}

impl From<Problem> for PredictError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<PredictError> for Problem {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Problem(problem) => problem,
            PredictError::Withdrawn => {
                let detail = "the version was taken out of service since it was chosen";
                Self::new(ErrorCode::ModelNotReady, detail)
            }
        }
    }
}

impl CoreClient {
    /// Every model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        match self {
            Self::InProcess(manager) => manager.models(),
            Self::Remote(pool) => pool.models(),
        }
    }

    /// One model.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn model(&self, name: &ModelName) -> Result<ModelStatus, Problem> {
        match self {
            Self::InProcess(manager) => manager.model(name).map_err(|error| problem(&error)),
            Self::Remote(pool) => pool.model(name),
        }
    }

    /// News of every change of any model's state.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Self::InProcess(manager) => manager.changes(),
            Self::Remote(pool) => pool.changes(),
        }
    }

    /// Serves these models alone, each as it is said here and not in the root, until the process
    /// ends.
    ///
    /// # Errors
    /// When the core is another process, which is to be asked itself.
    pub fn configure(&self, models: BTreeMap<ModelName, ModelOverride>) -> Result<(), Problem> {
        match self {
            Self::InProcess(manager) => {
                manager.configure(models);
                Ok(())
            }
            Self::Remote(_) => {
                let detail = "each model core is configured by itself";
                Err(Problem::new(ErrorCode::MethodNotAllowed, detail))
            }
        }
    }

    /// Takes a model back into service, and waits until it serves.
    ///
    /// # Errors
    /// When there is none of that name, or it cannot be loaded.
    pub async fn load(&self, name: &ModelName) -> Result<(), Problem> {
        match self {
            Self::InProcess(manager) => repository::load(manager, name).await,
            Self::Remote(pool) => pool.load(name).await,
        }
    }

    /// Takes a model out of service, whatever its root says, until it is loaded.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn unload(&self, name: &ModelName) -> Result<(), Problem> {
        match self {
            Self::InProcess(manager) => repository::unload(manager, name).await,
            Self::Remote(pool) => pool.unload(name).await,
        }
    }

    /// How often and how long each version ran.
    pub async fn statistics(&self) -> Vec<ModelStatistics> {
        match self {
            Self::InProcess(manager) => {
                let stats = manager.statistics();
                stats.iter().map(statistics::message).collect()
            }
            Self::Remote(pool) => pool.statistics().await,
        }
    }

    /// A hold on the version that is asked for: it stays loaded while the handle lives.
    ///
    /// # Errors
    /// When it is not known or cannot serve.
    pub fn servable(
        &self,
        name: &ModelName,
        choice: &VersionChoice,
    ) -> Result<ServableHandle, Problem> {
        match self {
            Self::InProcess(manager) => {
                let chosen = manager.servable(name, choice);
                let Chosen { servable, label } = chosen.map_err(|error| problem(&error))?;
                Ok(ServableHandle {
                    version: Arc::clone(&servable.version),
                    label,
                    runs: Runs::InProcess(servable),
                })
            }
            Self::Remote(pool) => {
                let (Choice { version, label }, servable) = pool.servable(name, choice)?;
                Ok(ServableHandle {
                    version,
                    label,
                    runs: Runs::Remote(servable),
                })
            }
        }
    }
}

/// A hold on a model version.
#[derive(Clone, Debug)]
pub struct ServableHandle {
    /// What is known of the version.
    pub version: Arc<ServedVersion>,
    /// The label that chose it: the one asked for, or `stable` where none was.
    pub label: Option<Label>,
    runs: Runs,
}

/// Where a version is run.
#[derive(Clone, Debug)]
enum Runs {
    InProcess(Arc<Servable>),
    Remote(RemoteServable),
}

impl ServableHandle {
    /// The version's contract.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.version.contract
    }

    /// The names of its classes.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.version.labels
    }

    /// The version, as metrics name it.
    #[must_use]
    pub fn metric_labels(&self) -> ModelLabels {
        metric_labels(&self.version.id)
    }

    /// Runs the model on pictures, each a tensor with a first axis of 1, in the turn of who claims
    /// it, if it can before the deadline. Gives one prediction or problem each, in their order.
    pub async fn predict(
        &self,
        pictures: Vec<Tensor>,
        claim: &Claim,
    ) -> Vec<Result<Prediction, PredictError>> {
        match &self.runs {
            Runs::InProcess(servable) => {
                let predictions = servable.predict(pictures, claim).await.into_iter();
                predictions
                    .map(|one| one.map_err(|error| problem(&error).into()))
                    .collect()
            }
            Runs::Remote(servable) => servable.predict(pictures, claim).await,
        }
    }

    /// How long pictures with this claim would wait for the model, as far as that is known.
    #[must_use]
    pub fn expected_wait(&self, claim: &Claim) -> Duration {
        match &self.runs {
            Runs::InProcess(servable) => servable.expected_wait(claim),
            Runs::Remote(servable) => servable.expected_wait(claim),
        }
    }

    /// A prediction's outputs in the roles that the contract gives them.
    #[must_use]
    pub fn outputs<'a>(&self, prediction: &'a Prediction) -> Outputs<'a> {
        roles(&self.version.bindings, &prediction.outputs)
    }
}

/// The caller gets the code and a sentence, the log gets the cause.
fn problem(error: &ServeError) -> Problem {
    match error {
        ServeError::ModelNotFound(_)
        | ServeError::VersionNotFound { .. }
        | ServeError::LabelNotFound { .. }
        | ServeError::NotReady { .. }
        | ServeError::QueueFull(_)
        | ServeError::Expired
        | ServeError::DeviceLost => (),
        ServeError::Engine(_) | ServeError::Batch(_) | ServeError::Lost => {
            error!(cause = %error, "inference failed");
        }
    }
    Problem::from(error)
}
