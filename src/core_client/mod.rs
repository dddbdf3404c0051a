//! The one way to the model core. What lies above knows nothing of it but this.

use std::{sync::Arc, time::Instant};

use tracing::error;

use crate::{
    error::Problem,
    model::{
        contract::Contract,
        labels::Labels,
        name::{Label, ModelName},
        served_version::ServedVersion,
    },
    postprocess::Outputs,
    serving::{
        ServeError,
        choice::VersionChoice,
        manager::{Chosen, Manager},
        servable::{Prediction, Servable, metric_labels, roles},
        state::ModelStatus,
    },
    telemetry::metrics::ModelLabels,
    tensor::Tensor,
};

/// The way to the model core.
#[derive(Clone, Debug)]
pub enum CoreClient {
    /// The core runs in this process and is called like any function.
    InProcess(Arc<Manager>),
}

impl CoreClient {
    /// Every model, by name.
    #[must_use]
    pub fn models(&self) -> Vec<ModelStatus> {
        match self {
            Self::InProcess(manager) => manager.models(),
        }
    }

    /// One model.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn model(&self, name: &ModelName) -> Result<ModelStatus, Problem> {
        match self {
            Self::InProcess(manager) => manager.model(name).map_err(|error| problem(&error)),
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

    /// Runs the model on pictures, each a tensor with a first axis of 1, if it can before the
    /// deadline. Gives one prediction or problem each, in their order.
    pub async fn predict(
        &self,
        pictures: Vec<Tensor>,
        deadline: Option<Instant>,
    ) -> Vec<Result<Prediction, Problem>> {
        match &self.runs {
            Runs::InProcess(servable) => {
                let predictions = servable.predict(pictures, deadline).await.into_iter();
                predictions
                    .map(|one| one.map_err(|error| problem(&error)))
                    .collect()
            }
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
        | ServeError::Expired => (),
        ServeError::Engine(_) | ServeError::Batch(_) | ServeError::Lost => {
            error!(cause = %error, "inference failed");
        }
    }
    Problem::from(error)
}
