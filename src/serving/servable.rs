//! A model version that can serve.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;

use crate::{
    fairness::claim::Claim,
    model::{
        contract::signature_check::Bindings,
        served_version::{ServableId, ServedVersion},
    },
    postprocess::Outputs,
    telemetry::metrics::ModelLabels,
    tensor::Tensor,
};

use super::{ServeError, queue::Queue};

/// Outputs of one picture by name.
pub type PictureOutputs = Vec<(String, Tensor)>;

/// A model version that can serve. Whoever holds it keeps it alive: its instances end after the
/// last hold is dropped.
#[derive(Debug)]
pub struct Servable {
    /// What is known of it.
    pub version: Arc<ServedVersion>,
    pub(super) queue: Arc<Queue>,
}

/// One picture's outputs, and where the time of its run went.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// The outputs by name, in the graph's order, each with a first axis of 1.
    pub outputs: PictureOutputs,
    /// Time that the picture waited for its run.
    pub queue: Duration,
    /// Time that the model computed, for the whole run.
    pub compute: Duration,
    /// Pictures in the run.
    pub batch: usize,
}

impl Servable {
    /// Runs the model on pictures, each a tensor with a first axis of 1, together with those of
    /// other requests, in the turn of who claims it. Gives one prediction or failure each, in their
    /// order. Pictures that have not begun to run at the deadline, or when the future is dropped,
    /// never do.
    pub async fn predict(
        &self,
        pictures: Vec<Tensor>,
        claim: &Claim,
    ) -> Vec<Result<Prediction, ServeError>> {
        let count = pictures.len();
        match self.queue.enter(pictures, claim) {
            Ok(answers) => {
                let answers = join_all(answers).await.into_iter();
                answers
                    .map(|answer| answer.map_err(|_| ServeError::Lost)?)
                    .collect()
            }
            Err(refused) => vec![Err(refused); count],
        }
    }

    /// How long pictures with this claim would wait for their run, by how it went until now.
    #[must_use]
    pub fn expected_wait(&self, claim: &Claim) -> Duration {
        self.queue.expected_wait(claim)
    }
}

impl Drop for Servable {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// A version, as metrics name it.
#[must_use]
pub fn metric_labels(id: &ServableId) -> ModelLabels {
    let ServableId { name, version } = id;
    ModelLabels {
        model: name.to_string(),
        version: version.to_string(),
    }
}

/// A picture's outputs in the roles that the contract gives them.
#[must_use]
pub fn roles<'a>(bindings: &Bindings, outputs: &'a PictureOutputs) -> Outputs<'a> {
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
