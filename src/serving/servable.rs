//! A model version that can serve.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    model::{
        contract::{Contract, signature_check::Bindings},
        labels::Labels,
        name::{ModelName, Version},
    },
    postprocess::Outputs,
    telemetry::metrics::{Metrics, ModelLabels},
    tensor::Tensor,
};

use super::{
    ServeError,
    batch::{self, BatchSize},
    instances::{Instances, Run},
};

/// A model and one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
pub struct ServableId {
    /// The model.
    pub name: ModelName,
    /// Its version.
    pub version: Version,
}

impl std::fmt::Display for ServableId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.name, self.version)
    }
}

/// A model version that can serve. Whoever holds it keeps it alive.
#[derive(Debug)]
pub struct Servable {
    /// Which model and version this is.
    pub id: ServableId,
    /// SHA-256 of its `model.onnx`, `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What turns a picture into its tensors and its tensors into an answer.
    pub contract: Contract,
    /// The names of its classes.
    pub labels: Labels,
    pub(super) bindings: Bindings,
    pub(super) batch_size: BatchSize,
    pub(super) instances: Arc<Instances>,
    pub(super) metrics: Arc<Metrics>,
}

/// One picture's outputs, and where the time of its run went.
#[derive(Clone, Debug)]
pub struct Prediction {
    outputs: Vec<(String, Tensor)>,
    /// Time until an instance was free.
    pub queue: Duration,
    /// Time that the model computed, for the whole run.
    pub compute: Duration,
    /// Pictures in the run.
    pub batch: usize,
}

impl Servable {
    /// Runs the model on pictures, each a tensor with a first axis of 1: equal shapes together,
    /// several runs side by side. Gives one prediction or failure each, in their order.
    pub async fn predict(&self, pictures: Vec<Tensor>) -> Vec<Result<Prediction, ServeError>> {
        let runs = batch::runs(pictures, self.batch_size)
            .into_iter()
            .map(|run| {
                let (places, tensors): (Vec<usize>, Vec<Tensor>) = run.into_iter().unzip();
                async move {
                    let predictions = self.run(tensors).await;
                    places.into_iter().zip(predictions).collect::<Vec<_>>()
                }
            });
        let mut predictions: Vec<_> = join_all(runs).await.into_iter().flatten().collect();
        predictions.sort_by_key(|(place, _)| *place);
        predictions
            .into_iter()
            .map(|(_, prediction)| prediction)
            .collect()
    }

    async fn run(&self, pictures: Vec<Tensor>) -> Vec<Result<Prediction, ServeError>> {
        let batch = pictures.len();
        match self.run_once(pictures).await {
            Ok(predictions) => predictions.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); batch],
        }
    }

    async fn run_once(&self, pictures: Vec<Tensor>) -> Result<Vec<Prediction>, ServeError> {
        let batch = pictures.len();
        self.metrics.batch(&self.metric_labels(), batch);
        let input = batch::join(pictures, self.batch_size)?;
        let Run {
            outputs,
            queue,
            compute,
        } = self.instances.run(input).await?;
        let parts = batch::part(outputs, batch, self.batch_size)?;
        let prediction = |outputs| Prediction {
            outputs,
            queue,
            compute,
            batch,
        };
        Ok(parts.into_iter().map(prediction).collect())
    }

    /// The version, as metrics name it.
    #[must_use]
    pub fn metric_labels(&self) -> ModelLabels {
        let ServableId { name, version } = &self.id;
        ModelLabels {
            model: name.to_string(),
            version: version.to_string(),
        }
    }

    /// A prediction's outputs in the roles that the contract gives them.
    #[must_use]
    pub fn outputs<'a>(&self, prediction: &'a Prediction) -> Outputs<'a> {
        let of = |name: &Option<String>| {
            let name = name.as_deref()?;
            prediction
                .outputs
                .iter()
                .find(|(output, _)| output == name)
                .map(|(_, tensor)| tensor)
        };
        let names = &self.bindings.outputs;
        Outputs {
            scores: of(&names.scores),
            boxes: of(&names.boxes),
            keypoints: of(&names.keypoints),
            detections: of(&names.detections),
        }
    }
}
