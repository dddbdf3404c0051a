//! Every metric of the server, declared here and nowhere else.

use std::{fmt::Write as _, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text::encode},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
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
struct StageLabels {
    model: String,
    version: String,
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    model: String,
    version: String,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        // 0.5 ms to 32 s, each bucket twice the one before.
        Histogram::new((0..17).map(|power| 0.0005 * f64::from(1_u32 << power)))
    }
}

#[derive(Clone, Debug)]
struct Sizes;

impl MetricConstructor<Histogram> for Sizes {
    fn new_metric(&self) -> Histogram {
        // 1 to 1024, the largest batch that a contract may ask for.
        Histogram::new((0..11).map(|power| f64::from(1_u32 << power)))
    }
}

/// Every metric of the server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<OutcomeLabels, Counter>,
    request_seconds: Family<ModelLabels, Histogram, Seconds>,
    requests_in_flight: Gauge,
    pictures: Family<OutcomeLabels, Counter>,
    stage_seconds: Family<StageLabels, Histogram, Seconds>,
    batch_size: Family<ModelLabels, Histogram, Sizes>,
    model_available: Family<ModelLabels, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("ocellus");
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(Seconds),
            requests_in_flight: Gauge::default(),
            pictures: Family::default(),
            stage_seconds: Family::new_with_constructor(Seconds),
            batch_size: Family::new_with_constructor(Sizes),
            model_available: Family::default(),
        };
        let r = &mut registry;
        r.register(
            "requests",
            "Inference requests by how they ended",
            metrics.requests.clone(),
        );
        r.register(
            "requests_in_flight",
            "Inference requests being worked on",
            metrics.requests_in_flight.clone(),
        );
        r.register(
            "pictures",
            "Pictures by how they ended",
            metrics.pictures.clone(),
        );
        r.register(
            "batch_size",
            "Pictures in one run of a model",
            metrics.batch_size.clone(),
        );
        r.register(
            "model_available",
            "1 where a model version can serve, 0 where it failed",
            metrics.model_available.clone(),
        );
        let (request, stage) = (
            metrics.request_seconds.clone(),
            metrics.stage_seconds.clone(),
        );
        r.register_with_unit(
            "request",
            "Time of inference requests",
            Unit::Seconds,
            request,
        );
        r.register_with_unit("stage", "Time of their stages", Unit::Seconds, stage);
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// A request began; it ends when the guard is dropped.
    #[must_use]
    pub fn request_begins(&self) -> InFlight {
        self.requests_in_flight.inc();
        InFlight(self.requests_in_flight.clone())
    }

    /// A request ended.
    pub fn request(&self, labels: &ModelLabels, outcome: Outcome, time: Duration) {
        self.requests.get_or_create(&of(labels, outcome)).inc();
        self.request_seconds
            .get_or_create(labels)
            .observe(time.as_secs_f64());
    }

    /// A picture ended.
    pub fn picture(&self, labels: &ModelLabels, outcome: Outcome) {
        self.pictures.get_or_create(&of(labels, outcome)).inc();
    }

    /// A stage of a request ended.
    pub fn stage(&self, labels: &ModelLabels, stage: Stage, time: Duration) {
        let ModelLabels { model, version } = labels.clone();
        let labels = StageLabels {
            model,
            version,
            stage,
        };
        self.stage_seconds
            .get_or_create(&labels)
            .observe(time.as_secs_f64());
    }

    /// A model ran on that many pictures at once.
    #[expect(
        clippy::cast_precision_loss,
        reason = "batches are far below 2^52 pictures"
    )]
    pub fn batch(&self, labels: &ModelLabels, pictures: usize) {
        self.batch_size
            .get_or_create(labels)
            .observe(pictures as f64);
    }

    /// A model version can serve, or cannot.
    pub fn model_available(&self, labels: &ModelLabels, available: bool) {
        self.model_available
            .get_or_create(labels)
            .set(i64::from(available));
    }

    /// All metrics in the `OpenMetrics` text format.
    ///
    /// # Errors
    /// When a metric cannot be written, which only a full memory brings about.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn of(labels: &ModelLabels, outcome: Outcome) -> OutcomeLabels {
    let ModelLabels { model, version } = labels.clone();
    OutcomeLabels {
        model,
        version,
        outcome,
    }
}

/// Counts a request as being worked on for as long as it lives.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
