//! A picture's way: decode → place, resize, normalise → the model → decode, NMS, map back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use image::RgbImage;
use tokio::sync::watch;
use tracing::error;

use crate::{
    core_client::{CoreClient, PredictError, ServableHandle},
    error::{ErrorCode, Problem},
    model::served_version::ServedVersion,
    postprocess::{
        prediction::Prediction,
        render::{self, PictureEncoding},
        selection::Selection,
    },
    preprocess::ImageLimits,
    telemetry::metrics::{Metrics, ModelLabels, Outcome},
};

use super::{
    answer::{
        ImageAnswer, ImageOutcome, InferAnswer, ModelAnswer, StageTimes, StageTimings, Timings,
        milliseconds,
    },
    request::{ImageUpload, InferRequest, ModelSpec, Wanted},
    steps::{self, Each, Predicted, Ready, Seen},
    workers::Workers,
};

/// How often a version is chosen for one request, while versions are taken out of service between
/// choosing and asking.
pub(super) const MAX_CHOICES: usize = 4;

/// Longest wait for news of the models between two such choices.
const CATCH_UP: Duration = Duration::from_millis(500);

/// Answers requests with what the core's models see in their pictures.
#[derive(Clone, Debug)]
pub struct InferenceService {
    core: CoreClient,
    workers: Workers,
    limits: ImageLimits,
    metrics: Arc<Metrics>,
}

/// The answer to a request, and its pictures' pixels where they were wanted.
#[derive(Debug)]
pub struct Inference {
    /// What is known of the version that answered.
    pub version: Arc<ServedVersion>,
    /// The answer.
    pub answer: InferAnswer,
    /// Where the time went.
    pub times: StageTimes,
    /// The upright pixels of each picture that was read, if the request wanted them.
    pub pixels: Vec<Option<RgbImage>>,
}

impl Inference {
    /// The problem of a request with a single picture that could not be answered.
    #[must_use]
    pub fn sole_problem(&self) -> Option<Problem> {
        match self.answer.images.as_slice() {
            [
                ImageAnswer {
                    outcome: ImageOutcome::Failed { problem },
                    ..
                },
            ] => Some(problem.into()),
            _ => None,
        }
    }
}

impl InferenceService {
    /// A service over a core, with `workers` pictures decoded at a time.
    #[must_use]
    pub fn new(
        core: CoreClient,
        workers: usize,
        limits: ImageLimits,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            core,
            workers: Workers::new(workers),
            limits,
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
        for _ in 0..MAX_CHOICES {
            let ModelSpec { name, version } = &request.model;
            let changes = self.core.changes();
            let servable = &self.core.servable(name, version)?;
            let options = request.options.clone();
            let selection = options.resolve(servable.contract(), servable.labels())?;
            let images = request.images.clone();
            let ready = self.prepare(images, servable, request.wanted).await;
            let Some(predicted) = steps::predict(ready, servable, request.deadline).await else {
                catch_up(changes).await;
                continue;
            };
            let seen = self.interpret(predicted, servable, &selection).await;
            return Ok(self.answered(request, servable, (seen, begun)));
        }
        Err(PredictError::Withdrawn.into())
    }

    /// Puts the answer together, and counts it.
    fn answered(
        &self,
        request: InferRequest,
        servable: &ServableHandle,
        (seen, begun): (Each<Seen>, Instant),
    ) -> Inference {
        let times = total(&seen, request.receive);
        self.measure(servable, &seen, &times);
        let mut answers = Vec::new();
        let mut pixels = Vec::new();
        for (index, (image, picture)) in request.images.into_iter().zip(seen).enumerate() {
            let outcome = match picture {
                Ok(seen) => {
                    pixels.push(seen.pixels);
                    ImageOutcome::Seen(Box::new(seen.image))
                }
                Err(problem) => {
                    pixels.push(None);
                    ImageOutcome::Failed {
                        problem: problem.document(None),
                    }
                }
            };
            answers.push(ImageAnswer {
                index,
                filename: image.filename,
                outcome,
            });
        }
        let timings = Timings {
            total_ms: milliseconds(request.receive + begun.elapsed()),
            receive_ms: milliseconds(request.receive),
            stages: StageTimings::from(&times),
        };
        let answer = InferAnswer {
            id: request.id,
            model: ModelAnswer::of(servable),
            images: answers,
            timings,
        };
        Inference {
            version: Arc::clone(&servable.version),
            answer,
            times,
            pixels,
        }
    }

    /// A picture with its results drawn in, encoded.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub async fn annotate(
        &self,
        pixels: RgbImage,
        results: Vec<Prediction>,
        encoding: PictureEncoding,
    ) -> Result<Vec<u8>, Problem> {
        let work = move || render::encode(&render::annotate(pixels, &results), encoding);
        self.workers.run(work).await?.map_err(|cause| {
            error!(%cause, "an annotated picture cannot be encoded");
            Problem::new(
                ErrorCode::Internal,
                "the annotated picture cannot be encoded",
            )
        })
    }

    /// Decodes the pictures and makes them the model's input, side by side on the workers.
    async fn prepare(
        &self,
        images: Vec<ImageUpload>,
        servable: &ServableHandle,
        wanted: Wanted,
    ) -> Each<Ready> {
        let each = images.into_iter().map(|image| {
            let (servable, limits) = (servable.clone(), self.limits);
            async move {
                self.workers
                    .run(move || steps::prepare(&image, &servable, &limits, wanted))
                    .await?
            }
        });
        join_all(each).await
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
                self.workers
                    .run(move || steps::interpret(picture, &servable, &selection))
                    .await?
            }
        });
        join_all(each).await
    }

    fn measure(&self, servable: &ServableHandle, seen: &Each<Seen>, times: &StageTimes) {
        let labels = servable.metric_labels();
        for (stage, time) in times.stages() {
            self.metrics.stage(&labels, stage, time);
        }
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

/// The sum of each stage over all pictures; pictures that share a run have a share of it each.
fn total(seen: &Each<Seen>, receive: Duration) -> StageTimes {
    let mut total = StageTimes {
        receive,
        ..StageTimes::default()
    };
    for Seen { times, batch, .. } in seen.iter().flatten() {
        let shared_by = u32::try_from(*batch).unwrap_or(u32::MAX).max(1);
        total.decode += times.decode;
        total.preprocess += times.preprocess;
        total.queue += times.queue / shared_by;
        total.inference += times.inference / shared_by;
        total.postprocess += times.postprocess;
    }
    total
}
