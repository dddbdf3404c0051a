//! The metrics of the model core: queues, loads, memory, and the look at the models' root.

use std::time::{Duration, SystemTime};

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use crate::telemetry::statistics::{ModelStats, Run, Statistics};

use super::{
    Metrics, Seconds,
    labels::{DropLabels, Dropped, FaultLabels, ModelLabels, PollLabels, PollOutcome},
};

#[derive(Clone, Debug)]
struct Sizes;

impl MetricConstructor<Histogram> for Sizes {
    fn new_metric(&self) -> Histogram {
        // 1 to 1024, the largest batch that a contract may ask for.
        Histogram::new((0..11).map(|power| f64::from(1_u32 << power)))
    }
}

/// The metrics of the model core.
#[derive(Debug)]
pub(super) struct CoreMetrics {
    batch_size: Family<ModelLabels, Histogram, Sizes>,
    queue_refusals: Family<ModelLabels, Counter>,
    queue_drops: Family<DropLabels, Counter>,
    model_available: Family<ModelLabels, Gauge>,
    load_failures: Family<FaultLabels, Counter>,
    load_seconds: Family<ModelLabels, Histogram, Seconds>,
    polls: Family<PollLabels, Counter>,
    last_good_poll: Gauge,
    memory_reserved: Gauge,
    statistics: Statistics,
}

impl Default for CoreMetrics {
    fn default() -> Self {
        Self {
            batch_size: Family::new_with_constructor(Sizes),
            queue_refusals: Family::default(),
            queue_drops: Family::default(),
            model_available: Family::default(),
            load_failures: Family::default(),
            load_seconds: Family::new_with_constructor(Seconds),
            polls: Family::default(),
            last_good_poll: Gauge::default(),
            memory_reserved: Gauge::default(),
            statistics: Statistics::default(),
        }
    }
}

impl CoreMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "queue_refusals",
            "Pictures refused because a model's queue was full",
            self.queue_refusals.clone(),
        );
        registry.register(
            "batch_size",
            "Pictures in one run of a model",
            self.batch_size.clone(),
        );
        registry.register(
            "queue_drops",
            "Pictures dropped from a model's queue before they were run",
            self.queue_drops.clone(),
        );
        registry.register(
            "model_available",
            "1 where a model version can serve, 0 where it failed or is gone",
            self.model_available.clone(),
        );
        registry.register(
            "model_load_failures",
            "Versions that are not loaded, by reason, each time it is found out",
            self.load_failures.clone(),
        );
        registry.register_with_unit(
            "model_load",
            "Time from the first byte to a warm model",
            Unit::Seconds,
            self.load_seconds.clone(),
        );
        registry.register(
            "source_polls",
            "Looks at the models' root by how they ended",
            self.polls.clone(),
        );
        registry.register_with_unit(
            "source_last_success_timestamp",
            "When the models' root could last be read, in seconds since 1970",
            Unit::Seconds,
            self.last_good_poll.clone(),
        );
        registry.register_with_unit(
            "model_memory_reserved",
            "Memory that loaded models are reckoned with",
            Unit::Bytes,
            self.memory_reserved.clone(),
        );
    }
}

impl Metrics {
    /// A model ran.
    #[expect(
        clippy::cast_precision_loss,
        reason = "batches are far below 2^52 pictures"
    )]
    pub fn ran(&self, labels: &ModelLabels, run: &Run<'_>) {
        let sizes = self.core.batch_size.get_or_create(labels);
        sizes.observe(run.waited.len() as f64);
        drop(sizes);
        self.core.statistics.ran(labels, run);
    }

    /// How often and how long each version ran.
    #[must_use]
    pub fn statistics(&self) -> Vec<ModelStats> {
        self.core.statistics.read()
    }

    /// A model's queue was full for that many pictures.
    pub fn refused(&self, labels: &ModelLabels, pictures: usize) {
        let refusals = self.core.queue_refusals.get_or_create(labels);
        refusals.inc_by(pictures as u64);
    }

    /// A picture was dropped before it was run.
    pub fn dropped(&self, labels: &ModelLabels, reason: Dropped) {
        let ModelLabels { model, version } = labels.clone();
        let labels = DropLabels {
            model,
            version,
            reason,
        };
        self.core.queue_drops.get_or_create(&labels).inc();
    }

    /// A model version can serve, or cannot.
    pub fn model_available(&self, labels: &ModelLabels, available: bool) {
        self.core
            .model_available
            .get_or_create(labels)
            .set(i64::from(available));
    }

    /// A version was loaded.
    pub fn loaded(&self, labels: &ModelLabels, time: Duration) {
        self.core
            .load_seconds
            .get_or_create(labels)
            .observe(time.as_secs_f64());
    }

    /// A version cannot be loaded, for a reason out of a closed set.
    pub fn load_failed(&self, labels: &ModelLabels, reason: &'static str) {
        let ModelLabels { model, version } = labels.clone();
        let labels = FaultLabels {
            model,
            version,
            reason,
        };
        self.core.load_failures.get_or_create(&labels).inc();
    }

    /// The models' root was looked at.
    pub fn polled(&self, outcome: PollOutcome) {
        self.core.polls.get_or_create(&PollLabels { outcome }).inc();
        if outcome != PollOutcome::Failed {
            let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let seconds = since_1970.map_or(0, |time| time.as_secs());
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            self.core.last_good_poll.set(seconds);
        }
    }

    /// Memory that loaded models are reckoned with, in bytes.
    pub fn memory_reserved(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.core.memory_reserved.set(bytes);
    }
}
