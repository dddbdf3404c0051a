//! The answer to a request, as it is written in JSON.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    core_client::ServableHandle,
    error::ProblemDocument,
    geometry::Geometry,
    model::{
        contract::Task,
        name::{Label, ModelName, Version},
    },
    postprocess::prediction::Prediction,
    preprocess::{PictureFormat, PictureInfo},
    telemetry::metrics::Stage,
};

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct InferAnswer {
    /// The request's id, under which the log and later feedback know it.
    #[schema(example = "0198d3a5-7b1c-7c3e-9a42-6a8f2d1c0b9e")]
    pub id: String,
    /// What gave the answer.
    pub model: ModelAnswer,
    /// One entry for each picture, in the order they were sent.
    pub images: Vec<ImageAnswer>,
    /// Where the time went: sums over all pictures, and the whole.
    pub timings: Timings,
}

/// The model version that gave an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelAnswer {
    /// The model.
    pub name: ModelName,
    /// The version that answered, also where none was asked for.
    pub version: Version,
    /// The label that chose the version: the one asked for, or `stable` where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub label: Option<Label>,
    /// What the model does to a picture.
    pub task: Task,
    /// SHA-256 of its `model.onnx`.
    pub digest: String,
}

impl ModelAnswer {
    /// The version that a handle holds.
    #[must_use]
    pub fn of(servable: &ServableHandle) -> Self {
        let version = &servable.version;
        Self {
            name: version.id.name.clone(),
            version: version.id.version,
            label: servable.label.clone(),
            task: version.contract.task,
            digest: version.digest.clone(),
        }
    }
}

/// What became of one picture.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ImageAnswer {
    /// Its place among the request's pictures, from 0.
    pub index: usize,
    /// The name it was sent under, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filename: Option<String>,
    /// What was seen in it, or why nothing could be.
    #[serde(flatten)]
    pub outcome: ImageOutcome,
}

/// What was seen in a picture, or why nothing could be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ImageOutcome {
    /// The picture was read and the model answered.
    Seen(Box<SeenImage>),
    /// It was not, and this is why. The other pictures have their own fate.
    Failed {
        /// What went wrong.
        problem: ProblemDocument,
    },
}

/// A picture that was read, and what the model saw in it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SeenImage {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// The format it was read as.
    pub format: PictureFormat,
    /// EXIF orientation, 1 to 8; coordinates are in the upright picture.
    #[schema(minimum = 1, maximum = 8)]
    pub orientation: u8,
    /// Whether it has more than one frame, of which only the first was read.
    pub animated: bool,
    /// How it was laid into the model's input.
    pub geometry: GeometryAnswer,
    /// What was seen, best first, in the upright picture's pixels.
    pub results: Vec<Prediction>,
    /// Where the time went.
    pub timings: StageTimings,
}

impl SeenImage {
    /// Puts the parts of an answer together.
    #[must_use]
    pub fn new(
        info: &PictureInfo,
        geometry: &Geometry,
        results: Vec<Prediction>,
        times: &StageTimes,
    ) -> Self {
        Self {
            width: info.size.width,
            height: info.size.height,
            format: info.format,
            orientation: info.orientation.to_exif(),
            animated: info.animated,
            geometry: GeometryAnswer {
                matrix: geometry.matrix(),
                input_width: geometry.input.width,
                input_height: geometry.input.height,
            },
            results,
            timings: times.into(),
        }
    }
}

/// How a picture was laid into the model's input.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct GeometryAnswer {
    /// Homogeneous, row-major: maps pixels of the upright picture to pixels of the input.
    #[schema(value_type = Vec<Vec<f64>>, example = json!([[0.85, 0.0, 0.0], [0.0, 0.85, 0.0], [0.0, 0.0, 1.0]]))]
    pub matrix: [[f64; 3]; 3],
    /// Width of the model's input in pixels.
    pub input_width: u32,
    /// Height of the model's input in pixels.
    pub input_height: u32,
}

/// How long each stage took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Reading the request.
    pub receive: Duration,
    /// From bytes to upright pixels.
    pub decode: Duration,
    /// From pixels to the input tensor.
    pub preprocess: Duration,
    /// Waiting for an instance of the model.
    pub queue: Duration,
    /// The model's own run.
    pub inference: Duration,
    /// From output tensors to results.
    pub postprocess: Duration,
}

impl StageTimes {
    /// Every stage with its time, in the order of a request's way.
    #[must_use]
    pub fn stages(&self) -> [(Stage, Duration); 6] {
        [
            (Stage::Receive, self.receive),
            (Stage::Decode, self.decode),
            (Stage::Preprocess, self.preprocess),
            (Stage::Queue, self.queue),
            (Stage::Inference, self.inference),
            (Stage::Postprocess, self.postprocess),
        ]
    }
}

/// Time of each stage in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageTimings {
    /// From bytes to upright pixels.
    pub decode_ms: f64,
    /// From pixels to the input tensor: resizing and normalising.
    pub preprocess_ms: f64,
    /// Waiting for an instance of the model.
    pub queue_ms: f64,
    /// The model's own run; pictures of one run share it.
    pub inference_ms: f64,
    /// From output tensors to results in the picture's pixels.
    pub postprocess_ms: f64,
}

impl From<&StageTimes> for StageTimings {
    fn from(times: &StageTimes) -> Self {
        Self {
            decode_ms: milliseconds(times.decode),
            preprocess_ms: milliseconds(times.preprocess),
            queue_ms: milliseconds(times.queue),
            inference_ms: milliseconds(times.inference),
            postprocess_ms: milliseconds(times.postprocess),
        }
    }
}

/// Where a request's time went, in milliseconds. Stages of several pictures overlap, so their
/// sum can be above the whole.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Timings {
    /// From the first byte of the body to the answer.
    pub total_ms: f64,
    /// Reading the request, and fetching what it names by URL.
    pub receive_ms: f64,
    /// The sum of each stage over all pictures; of a run that pictures share, once.
    #[serde(flatten)]
    pub stages: StageTimings,
}

/// Milliseconds with three decimals.
#[must_use]
pub fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
