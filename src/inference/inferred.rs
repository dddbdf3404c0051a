//! The answer to a request, put together from what was seen in each picture.

use std::{sync::Arc, time::Duration};

use crate::{core_client::ServableHandle, error::Problem, model::served_version::ServedVersion};

use super::{
    answer::{
        ImageAnswer, ImageOutcome, InferAnswer, ModelAnswer, StageTimes, StageTimings, Timings,
        milliseconds,
    },
    request::InferRequest,
    steps::{Each, Seen, Upright},
};

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
    pub pixels: Vec<Option<Upright>>,
}

impl Inference {
    /// Puts what was seen in a request's pictures together; the work has taken `busy` so far.
    pub(super) fn of(
        request: InferRequest,
        servable: &ServableHandle,
        (seen, busy): (Each<Seen>, Duration),
    ) -> Self {
        let times = total(&seen, request.receive);
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
            total_ms: milliseconds(request.receive + busy),
            receive_ms: milliseconds(request.receive),
            stages: StageTimings::from(&times),
        };
        let answer = InferAnswer {
            id: request.id,
            model: ModelAnswer::of(servable),
            images: answers,
            timings,
        };
        Self {
            version: Arc::clone(&servable.version),
            answer,
            times,
            pixels,
        }
    }

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
