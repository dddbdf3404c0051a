//! The metrics of what is let in, and of how long it waits.

use std::{fmt::Write as _, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::fairness::priority::Priority;

use super::{Metrics, Seconds};

/// What became of a request before any work was done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admission {
    /// It was let in.
    Admitted,
    /// It would have waited for too long.
    PastWait,
    /// It would have waited until after its deadline.
    PastDeadline,
    /// Every place for a request was taken.
    NoPlace,
}

impl EncodeLabelValue for Admission {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(match self {
            Self::Admitted => "admitted",
            Self::PastWait => "past_wait",
            Self::PastDeadline => "past_deadline",
            Self::NoPlace => "no_place",
        })
    }
}

/// What requests wait for before the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoomName {
    /// A thread and memory to decode a picture.
    Decode,
    /// Memory for the model's inputs.
    Inputs,
    /// A place to fetch a picture.
    Fetch,
}

impl EncodeLabelValue for RoomName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(match self {
            Self::Decode => "decode",
            Self::Inputs => "inputs",
            Self::Fetch => "fetch",
        })
    }
}

impl EncodeLabelValue for Priority {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AdmissionLabels {
    priority: Priority,
    outcome: Admission,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PriorityLabels {
    priority: Priority,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LineLabels {
    room: RoomName,
    priority: Priority,
}

#[derive(Debug)]
pub(super) struct AdmissionMetrics {
    admissions: Family<AdmissionLabels, Counter>,
    expected_wait: Family<PriorityLabels, Histogram, Seconds>,
    line: Family<LineLabels, Histogram, Seconds>,
}

impl Default for AdmissionMetrics {
    fn default() -> Self {
        Self {
            admissions: Family::default(),
            expected_wait: Family::new_with_constructor(Seconds),
            line: Family::new_with_constructor(Seconds),
        }
    }
}

impl AdmissionMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "admissions",
            "Requests by whether they were let in, before anything was decoded or run",
            self.admissions.clone(),
        );
        registry.register_with_unit(
            "expected_wait",
            "Wait that was expected of requests as they came",
            Unit::Seconds,
            self.expected_wait.clone(),
        );
        registry.register_with_unit(
            "line",
            "Time that pictures waited to be fetched and to be decoded, and requests for memory",
            Unit::Seconds,
            self.line.clone(),
        );
    }
}

impl Metrics {
    /// A request was let in, or not.
    pub fn admission(&self, priority: Priority, outcome: Admission) {
        let labels = AdmissionLabels { priority, outcome };
        self.admission.admissions.get_or_create(&labels).inc();
    }

    /// A request came, and was expected to wait for so long.
    pub fn expected_wait(&self, priority: Priority, wait: Duration) {
        let waits = &self.admission.expected_wait;
        let waits = waits.get_or_create(&PriorityLabels { priority });
        waits.observe(wait.as_secs_f64());
    }

    /// Somebody waited in line for so long.
    pub fn in_line(&self, room: RoomName, priority: Priority, wait: Duration) {
        let waits = &self.admission.line;
        let waits = waits.get_or_create(&LineLabels { room, priority });
        waits.observe(wait.as_secs_f64());
    }
}
