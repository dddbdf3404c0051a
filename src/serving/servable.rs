//! A model version that can serve.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
    telemetry::metrics::ModelLabels,
    tensor::Tensor,
};

use super::{ServeError, instance::PictureOutputs, queue::Queue};

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

/// A model version that can serve. Whoever holds it keeps it alive: its instances end after the
/// last hold is dropped.
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
    pub(super) queue: Arc<Queue>,
}

/// One picture's outputs, and where the time of its run went.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub(super) outputs: PictureOutputs,
    /// Time that the picture waited for its run.
    pub queue: Duration,
    /// Time that the model computed, for the whole run.
    pub compute: Duration,
    /// Pictures in the run.
    pub batch: usize,
}

impl Servable {
    /// Runs the model on pictures, each a tensor with a first axis of 1, together with those of
    /// other requests. Gives one prediction or failure each, in their order. Pictures that have
    /// not begun to run at the deadline, or when the future is dropped, never do.
    pub async fn predict(
        &self,
        pictures: Vec<Tensor>,
        deadline: Option<Instant>,
    ) -> Vec<Result<Prediction, ServeError>> {
        let count = pictures.len();
        match self.queue.enter(pictures, deadline) {
            Ok(answers) => {
                let answers = join_all(answers).await.into_iter();
                answers
                    .map(|answer| answer.map_err(|_| ServeError::Lost)?)
                    .collect()
            }
            Err(refused) => vec![Err(refused); count],
        }
    }

    /// The version, as metrics name it.
    #[must_use]
    pub fn metric_labels(&self) -> ModelLabels {
        metric_labels(&self.id)
    }

    /// A prediction's outputs in the roles that the contract gives them.
    #[must_use]
    pub fn outputs<'a>(&self, prediction: &'a Prediction) -> Outputs<'a> {
        roles(&self.bindings, &prediction.outputs)
    }
}

impl Drop for Servable {
    fn drop(&mut self) {
        self.queue.close();
    }
}

pub(super) fn metric_labels(id: &ServableId) -> ModelLabels {
    let ServableId { name, version } = id;
    ModelLabels {
        model: name.to_string(),
        version: version.to_string(),
    }
}

/// A picture's outputs in the roles that the contract gives them.
pub(super) fn roles<'a>(bindings: &Bindings, outputs: &'a PictureOutputs) -> Outputs<'a> {
    let of = |name: &Option<String>| {
        let name = name.as_deref()?;
        outputs
            .iter()
            .find(|(output, _)| output == name)
            .map(|(_, tensor)| tensor)
    };
    let names = &bindings.outputs;
    Outputs {
        scores: of(&names.scores),
        boxes: of(&names.boxes),
        keypoints: of(&names.keypoints),
        detections: of(&names.detections),
    }
}
