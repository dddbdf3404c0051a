//! A picture's way: decode → place, resize, normalise → the model → decode, NMS, map back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::sync::watch;

use crate::{
    core_client::{CoreClient, PredictError, ServableHandle},
    error::{ErrorCode, Problem},
    postprocess::selection::Selection,
    preprocess::{self, ImageLimits},
    telemetry::metrics::{Metrics, ModelLabels, Outcome, RoomName},
};

use super::{
    answer::StageTimes,
    inferred::Inference,
    request::{ImageUpload, InferRequest, ModelSpec},
    room::{Room, Share, Work},
    steps::{self, Each, Predicted, Ready, Seen},
};

pub use super::steps::Upright;

/// How often a version is chosen for one request, while versions are taken out of service between
/// choosing and asking.
pub(super) const MAX_CHOICES: usize = 4;

/// Longest wait for news of the models between two such choices.
const CATCH_UP: Duration = Duration::from_millis(500);

/// Answers requests with what the core's models see in their pictures.
#[derive(Clone, Debug)]
pub struct InferenceService {
    pub(super) core: CoreClient,
    /// For pictures that are being decoded: threads, and memory.
    pub(super) decodes: Room,
    /// For the model's inputs: memory.
    pub(super) inputs: Room,
    /// Longest wait that a request is let in for.
    pub(super) wait: Duration,
    limits: ImageLimits,
    pub(super) metrics: Arc<Metrics>,
}

/// How much a service takes on.
#[derive(Clone, Copy, Debug)]
pub struct ServiceLimits {
    /// Pictures that are decoded at a time.
    pub decodes: usize,
    /// Memory for them, in bytes.
    pub decode_bytes: u64,
    /// Requests worked on at a time where several callers share the machine, from decoding to the
    /// end of the model's run; `None` where that is elsewhere, or takes as many as come.
    pub at_work: Option<usize>,
    /// Memory for the model inputs of all requests, in bytes.
    pub tensor_bytes: u64,
    /// Longest wait that a request is let in for.
    pub wait: Duration,
    /// The largest picture.
    pub images: ImageLimits,
}

impl InferenceService {
    /// A service over a core.
    #[must_use]
    pub fn new(core: CoreClient, limits: ServiceLimits, metrics: Arc<Metrics>) -> Self {
        Self {
            core,
            decodes: Room::new(
                RoomName::Decode,
                (limits.decodes, limits.decode_bytes),
                limits.at_work,
                Arc::clone(&metrics),
            ),
            inputs: Room::new(
                RoomName::Inputs,
                (1, limits.tensor_bytes),
                None,
                Arc::clone(&metrics),
            ),
            wait: limits.wait,
            limits: limits.images,
            metrics,
        }
    }

    /// The way to the core's models.
    #[must_use]
    pub fn core(&self) -> &CoreClient {
        &self.core
    }

    /// Does the work of a request, and counts it by how it ended: `code` is that of a failure.
    ///
    /// # Errors
    /// Those of the work.
    pub async fn counted<T, E>(
        &self,
        model: &ModelSpec,
        work: impl Future<Output = Result<T, E>>,
        code: impl FnOnce(&E) -> ErrorCode,
    ) -> Result<T, E> {
        let begun = Instant::now();
        let _in_flight = self.metrics.request_begins();
        let servable = self.core.servable(&model.name, &model.version);
        let labels = servable.map_or_else(|_| ModelLabels::none(), |held| held.metric_labels());
        let ended = work.await;
        let outcome = Outcome(ended.as_ref().err().map(code));
        self.metrics.request(&labels, outcome, begun.elapsed());
        ended
    }

    /// Answers a request. Each picture has its own fate.
    ///
    /// # Errors
    /// When the model or the options are at fault, so that no picture could be answered.
    pub async fn infer(&self, request: InferRequest) -> Result<Inference, Problem> {
        let begun = Instant::now();
        let weighed = self.weigh_all(&request.images);
        let largest = weighed.iter().flatten().max();
        let work = self.decodes.work(&request.claim);
        for choice in 0..MAX_CHOICES {
            let ModelSpec { name, version } = &request.model;
            let changes = self.core.changes();
            let servable = &self.core.servable(name, version)?;
            let options = request.options.clone();
            let selection = options.resolve(servable.contract(), servable.labels())?;
            // Where no picture can be decoded, there is nothing to wait for.
            let _inputs = match largest {
                Some(largest) => {
                    if choice == 0 {
                        self.let_in(servable, *largest, &request.claim)?;
                    }
                    Some(self.inputs(&request, servable).await?)
                }
                None => None,
            };
            let ready = self.prepare(&request, (&weighed, &work), servable).await;
            let Some(predicted) = steps::predict(ready, servable, &request.claim).await else {
                catch_up(changes).await;
                continue;
            };
            let seen = self.interpret(predicted, servable, &selection).await;
            self.count(servable, &seen);
            let inference = Inference::of(request, servable, (seen, begun.elapsed()));
            self.measure(servable, &inference.times);
            return Ok(inference);
        }
        Err(PredictError::Withdrawn.into())
    }

    /// Decodes the pictures and makes them the model's input, side by side on the workers.
    async fn prepare(
        &self,
        request: &InferRequest,
        (weighed, work): (&Each<u64>, &Work),
        servable: &ServableHandle,
    ) -> Each<Ready> {
        let each = request.images.iter().zip(weighed).map(|(image, needed)| {
            let (servable, limits, wanted) = (servable.clone(), self.limits, request.wanted);
            let (bytes, needed) = (image.bytes.clone(), needed.clone());
            async move {
                let (bytes, needed) = (bytes?, needed?);
                let (place, share) = self
                    .decodes
                    .place(needed, &request.claim, Some(work))
                    .await?;
                let work = move || steps::prepare(&bytes, &servable, &limits, (wanted, share));
                place.run(work).await?
            }
        });
        join_all(each).await
    }

    /// Memory for a request's model inputs.
    async fn inputs(
        &self,
        request: &InferRequest,
        servable: &ServableHandle,
    ) -> Result<Share, Problem> {
        let each = servable.contract().input.max_bytes();
        let all = each.saturating_mul(request.images.len() as u64);
        self.inputs.memory(all, &request.claim).await
    }

    /// How much memory it takes to decode each picture.
    fn weigh_all(&self, images: &[ImageUpload]) -> Each<u64> {
        let each = images.iter().map(|image| match &image.bytes {
            Ok(bytes) => self.weigh(bytes),
            Err(problem) => Err(problem.clone()),
        });
        each.collect()
    }

    /// How much memory it takes to decode a picture, by what its header states.
    fn weigh(&self, bytes: &[u8]) -> Result<u64, Problem> {
        let needed = preprocess::weigh(bytes, &self.limits)?;
        if self.decodes.bytes() < needed {
            let most = self.decodes.bytes() >> 20;
            let detail = format!(
                "decoding the picture takes {} MiB of memory; at most {most} are given to it",
                needed.div_ceil(1 << 20)
            );
            return Err(Problem::new(ErrorCode::ImageTooLarge, detail));
        }
        Ok(needed)
    }

    /// Makes results of what the model gave, side by side on the workers.
    async fn interpret(
        &self,
        predicted: Each<Predicted>,
        servable: &ServableHandle,
        selection: &Selection,
    ) -> Each<Seen> {
        let each = predicted.into_iter().map(|picture| {
            let (servable, selection) = (servable.clone(), selection.clone());
            async move {
                let picture = picture?;
                let place = self.decodes.place_to_finish().await?;
                place
                    .run(move || steps::interpret(picture, &servable, &selection))
                    .await?
            }
        });
        join_all(each).await
    }

    fn measure(&self, servable: &ServableHandle, times: &StageTimes) {
        let labels = servable.metric_labels();
        for (stage, time) in times.stages() {
            self.metrics.stage(&labels, stage, time);
        }
    }

    fn count(&self, servable: &ServableHandle, seen: &Each<Seen>) {
        let labels = servable.metric_labels();
        for picture in seen {
            let outcome = Outcome(picture.as_ref().err().map(|problem| problem.code));
            self.metrics.picture(&labels, outcome);
        }
    }
}

/// Waits until more is known of the models than when a version was chosen that is not there.
pub(super) async fn catch_up(mut changes: watch::Receiver<u64>) {
    tokio::time::timeout(CATCH_UP, changes.changed()).await.ok();
}
