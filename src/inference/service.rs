//! A picture's way: decode → place, resize, normalise → the model → decode, NMS, map back.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use image::RgbImage;
use tracing::error;

use crate::{
    core_client::{CoreClient, ServableHandle},
    error::{ErrorCode, Problem},
    postprocess::{
        prediction::Prediction,
        render::{self, PictureEncoding},
        selection::Selection,
    },
    preprocess::ImageLimits,
    telemetry::metrics::{Metrics, Outcome},
};

use super::{
    answer::{
        ImageAnswer, ImageOutcome, InferAnswer, ModelAnswer, StageTimes, StageTimings, Timings,
        milliseconds,
    },
    request::{ImageUpload, InferRequest, Wanted},
    steps::{self, Each, Predicted, Ready, Seen},
    workers::Workers,
};

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

    /// Answers a request. Each picture has its own fate.
    ///
    /// # Errors
    /// When the model or the options are at fault, so that no picture could be answered.
    pub async fn infer(&self, request: InferRequest) -> Result<Inference, Problem> {
        let begun = Instant::now();
        let servable = &self
            .core
            .servable(&request.model.name, &request.model.version)?;
        let InferRequest {
            id,
            images,
            options,
            wanted,
            receive,
            deadline,
            ..
        } = request;
        let selection = options.resolve(servable.contract(), servable.labels())?;
        let names: Vec<_> = images.iter().map(|image| image.filename.clone()).collect();

        let ready = self.prepare(images, servable, wanted).await;
        let predicted = steps::predict(ready, servable, deadline).await;
        let seen = self.interpret(predicted, servable, &selection).await;

        let times = total(&seen, receive);
        self.measure(servable, &seen, &times);
        let mut answers = Vec::new();
        let mut pixels = Vec::new();
        for (index, (filename, picture)) in names.into_iter().zip(seen).enumerate() {
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
                filename,
                outcome,
            });
        }
        let timings = Timings {
            total_ms: milliseconds(receive + begun.elapsed()),
            receive_ms: milliseconds(receive),
            stages: StageTimings::from(&times),
        };
        let answer = InferAnswer {
            id,
            model: ModelAnswer::of(servable),
            images: answers,
            timings,
        };
        Ok(Inference {
            answer,
            times,
            pixels,
        })
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
