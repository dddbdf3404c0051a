//! Every metric of the server, declared here and nowhere else.

mod admission;
mod core;
mod labels;

use std::time::Duration;

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use admission::AdmissionMetrics;
use core::CoreMetrics;
use labels::{FetchLabels, OutcomeLabels, StageLabels};

pub use admission::{Admission, RoomName};
pub use labels::{Dropped, ModelLabels, Outcome, PollOutcome, Stage};

#[derive(Clone, Debug)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        // 0.5 ms to 32 s, each bucket twice the one before.
        Histogram::new((0..17).map(|power| 0.0005 * f64::from(1_u32 << power)))
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
    fetches: Family<FetchLabels, Counter>,
    stage_seconds: Family<StageLabels, Histogram, Seconds>,
    admission: AdmissionMetrics,
    core: CoreMetrics,
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
            fetches: Family::default(),
            stage_seconds: Family::new_with_constructor(Seconds),
            admission: AdmissionMetrics::default(),
            core: CoreMetrics::default(),
        };
        metrics.admission.register(&mut registry);
        metrics.core.register(&mut registry);
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
            "fetches",
            "Pictures asked for by their URL, by how that ended",
            metrics.fetches.clone(),
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

    /// A request was refused before anything was done for it.
    pub fn refused_request(&self, labels: &ModelLabels, outcome: Outcome) {
        self.requests.get_or_create(&of(labels, outcome)).inc();
    }

    /// A picture ended.
    pub fn picture(&self, labels: &ModelLabels, outcome: Outcome) {
        self.pictures.get_or_create(&of(labels, outcome)).inc();
    }

    /// A picture was fetched by its URL, or was not.
    pub fn fetched(&self, outcome: Outcome) {
        self.fetches.get_or_create(&FetchLabels { outcome }).inc();
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
