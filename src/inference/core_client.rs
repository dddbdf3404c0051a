//! The one way to the model core. `inference` knows nothing of it but this.

use std::{sync::Arc, time::Instant};

use tracing::error;

use crate::{
    error::Problem,
    model::{contract::Contract, labels::Labels, name::ModelName},
    postprocess::Outputs,
    serving::{
        ServeError,
        manager::{Chosen, Manager},
        servable::{Prediction, Servable},
        state::ModelStatus,
    },
    telemetry::metrics::ModelLabels,
    tensor::Tensor,
};

use super::{answer::ModelAnswer, request::ModelSpec};

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
    pub fn servable(&self, spec: &ModelSpec) -> Result<ServableHandle, Problem> {
        match self {
            Self::InProcess(manager) => {
                let chosen = manager.servable(&spec.name, &spec.version);
                chosen.map(ServableHandle).map_err(|error| problem(&error))
            }
        }
    }
}

/// A hold on a model version.
#[derive(Clone, Debug)]
pub struct ServableHandle(Chosen);

impl ServableHandle {
    /// The version's contract.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.0.servable.contract
    }

    /// The names of its classes.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.0.servable.labels
    }

    /// The version, as an answer names it.
    #[must_use]
    pub fn answer(&self) -> ModelAnswer {
        let Chosen { servable, label } = &self.0;
        let Servable {
            id,
            contract,
            digest,
            ..
        } = servable.as_ref();
        let (name, digest) = (id.name.clone(), digest.clone());
        ModelAnswer {
            name,
            version: id.version,
            label: label.clone(),
            task: contract.task,
            digest,
        }
    }

    /// The version, as metrics name it.
    #[must_use]
    pub fn metric_labels(&self) -> ModelLabels {
        self.0.servable.metric_labels()
    }

    /// Runs the model on pictures, each a tensor with a first axis of 1, if it can before the
    /// deadline. Gives one prediction or problem each, in their order.
    pub async fn predict(
        &self,
        pictures: Vec<Tensor>,
        deadline: Option<Instant>,
    ) -> Vec<Result<Prediction, Problem>> {
        let predictions = self.0.servable.predict(pictures, deadline).await;
        predictions
            .into_iter()
            .map(|one| one.map_err(|error| problem(&error)))
            .collect()
    }

    /// A prediction's outputs in the roles that the contract gives them.
    #[must_use]
    pub fn outputs<'a>(&self, prediction: &'a Prediction) -> Outputs<'a> {
        self.0.servable.outputs(prediction)
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
