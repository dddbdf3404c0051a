//! What metrics are told apart by. Values come from closed sets, or are models and versions that
//! are there: never what clients ask for.

use std::fmt::Write as _;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use crate::error::ErrorCode;

/// A step of a request's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Reading the body off the wire.
    Receive,
    /// From bytes to upright pixels.
    Decode,
    /// From pixels to the model's input tensor.
    Preprocess,
    /// Waiting for an instance of the model.
    Queue,
    /// The model's own run.
    Inference,
    /// From output tensors to results in the picture's pixels.
    Postprocess,
}

impl Stage {
    /// The stage's name in metrics and in `Server-Timing`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Decode => "decode",
            Self::Preprocess => "preprocess",
            Self::Queue => "queue",
            Self::Inference => "inference",
            Self::Postprocess => "postprocess",
        }
    }
}

impl EncodeLabelValue for Stage {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(self.as_str())
    }
}

/// How a request or a picture ended: `ok` or a problem's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome(pub Option<ErrorCode>);

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(self.0.map_or("ok", ErrorCode::as_str))
    }
}

/// The model version that did the work. Only versions that are loaded become labels, so their
/// number is bounded by the models, not by what clients ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub struct ModelLabels {
    /// Model name; `none` where a request never got to a model.
    pub model: String,
    /// Version; `none` likewise.
    pub version: String,
}

impl ModelLabels {
    /// The labels of requests that never got to a model.
    #[must_use]
    pub fn none() -> Self {
        Self {
            model: "none".to_owned(),
            version: "none".to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StageLabels {
    pub(super) model: String,
    pub(super) version: String,
    pub(super) stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabels {
    pub(super) model: String,
    pub(super) version: String,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FetchLabels {
    pub(super) outcome: Outcome,
}

/// Why a picture that waited was not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Its deadline passed.
    Expired,
    /// Nobody waited for it any more.
    Cancelled,
}

impl EncodeLabelValue for Dropped {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(match self {
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DropLabels {
    pub(super) model: String,
    pub(super) version: String,
    pub(super) reason: Dropped,
}

/// How a look at the models' root ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PollOutcome {
    /// Nothing changed.
    Unchanged,
    /// Something changed, and was read.
    Changed,
    /// The store could not be reached, or refused.
    Failed,
}

impl EncodeLabelValue for PollOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Failed => "failed",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PollLabels {
    pub(super) outcome: PollOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FaultLabels {
    pub(super) model: String,
    pub(super) version: String,
    pub(super) reason: &'static str,
}
