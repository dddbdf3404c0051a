//! The contract, `model.toml`: what turns a picture into a model's tensors, and its tensors into
//! an answer.

mod faults;
pub mod input;
pub mod output;
mod parse;
pub mod resize;
mod rules;
pub mod schema;
pub mod signature_check;

pub use faults::{ContractFaults, Fault};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::provider::Provider;

use input::Input;
use output::Output;

/// What a model does to a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// One or several labels for the whole picture.
    Classification,
    /// Labelled boxes.
    Detection,
    /// Labelled boxes with named points in each.
    Keypoints,
}

impl Task {
    /// The task as a contract spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Detection => "detection",
            Self::Keypoints => "keypoints",
        }
    }
}

/// The contract of one model version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Ocellus model contract (model.toml)")]
#[schema(as = Contract)]
pub struct Contract {
    /// What the model does to a picture.
    pub task: Task,
    /// How a picture becomes the model's input tensor.
    pub input: Input,
    /// How the model's output tensors become an answer.
    pub output: Output,
    /// What a request gets that does not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// How pictures are put together for one run of the model.
    #[serde(default)]
    pub batching: Batching,
    /// How the model is run.
    #[serde(default)]
    pub engine: EngineSettings,
}

/// What a request gets that does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// How many classes a classification answers, best first. Default 5.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub top_k: Option<u32>,
    /// Results below this confidence are left out. Default 0.25 for boxes and 0 for classes.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confidence: Option<f32>,
    /// Of two boxes that overlap by more than this intersection over union, only the better one
    /// is answered. Default 0.45.
    #[schemars(range(min = 0.0, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub iou: Option<f32>,
    /// Most boxes in an answer, best first. Default 100.
    #[schemars(range(min = 1, max = 1000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub max_detections: Option<u32>,
    /// Only these classes are answered, by label. Default all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// How pictures are put together for one run of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Batching {
    /// Most pictures in one run, where the graph's first axis is dynamic. A graph with a fixed
    /// first axis decides for itself.
    #[schemars(range(min = 1, max = 1024))]
    pub max_batch_size: u32,
    /// Longest time in microseconds that pictures wait for others to share their run, while an
    /// instance of the model is free. A picture that finds an idle instance never waits.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_delay_us: u32,
    /// Sizes that the model runs best at, ascending, none above `max_batch_size`: a batch is cut to
    /// the largest that it fills. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub preferred_batch_sizes: Vec<u32>,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            max_batch_size: 8,
            max_delay_us: 0,
            preferred_batch_sizes: Vec::new(),
        }
    }
}

/// How the model is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSettings {
    /// Execution providers in the order of preference, each at most once, `cpu` last. What the
    /// first does not know how to run is run by the next. Default: the server's `providers`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<Provider>,
    /// Threads that compute one run. Default: the server's `engine.threads`.
    #[schemars(range(min = 1, max = 256))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub threads: Option<u32>,
    /// Copies of the model that run side by side. Default: the server's `engine.instances`.
    #[schemars(range(min = 1, max = 64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub instances: Option<u32>,
}
