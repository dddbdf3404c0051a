//! The stream of one model's versions: a task of its own that brings them, one action after the
//! other, to what is wanted. A slow or broken model holds up only itself.

mod actions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Instant,
};

use tokio::sync::{mpsc, watch};
use tracing::warn;

use crate::{
    model::{
        name::{Label, ModelName, Version},
        served_version::ServableId,
    },
    telemetry::metrics::ModelLabels,
};

use super::{
    aspired::AspiredModel,
    loader::LoadContext,
    policy::{self, Action, Intent, VersionView},
    servable::{Servable, metric_labels},
    state::{LabelStatus, ModelStatus, State},
    version::Entry,
};

/// Versions that have ended are remembered, that many of each model.
const MAX_ENDED: usize = 32;

/// How a model stands, for everybody to see.
#[derive(Clone, Debug)]
pub(super) struct SharedStatus(Arc<RwLock<StreamStatus>>);

#[derive(Debug)]
pub(super) struct StreamStatus {
    pub model: ModelStatus,
    /// The versions that serve.
    pub servables: BTreeMap<Version, Arc<Servable>>,
    /// Nothing is left to do, for now.
    pub settled: bool,
}

impl SharedStatus {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, StreamStatus> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the manager keeps of a stream.
#[derive(Debug)]
pub(super) struct StreamHandle {
    pub aspired: watch::Sender<Option<AspiredModel>>,
    pub status: SharedStatus,
}

/// One model's versions, as the task that owns them knows them.
#[derive(Debug)]
pub(super) struct Stream {
    name: ModelName,
    context: Arc<LoadContext>,
    aspired: watch::Receiver<Option<AspiredModel>>,
    status: SharedStatus,
    changed: watch::Sender<u64>,
    entries: BTreeMap<Version, Entry>,
    labels: BTreeMap<Label, LabelStatus>,
    faults: Vec<String>,
    ended: (
        mpsc::UnboundedSender<Version>,
        mpsc::UnboundedReceiver<Version>,
    ),
}

impl Stream {
    pub(super) fn new(
        name: ModelName,
        context: Arc<LoadContext>,
        changed: watch::Sender<u64>,
    ) -> (Self, StreamHandle) {
        let status = SharedStatus(Arc::new(RwLock::new(StreamStatus {
            model: ModelStatus::new(name.clone()),
            servables: BTreeMap::new(),
            settled: false,
        })));
        let (sender, aspired) = watch::channel(None);
        let stream = Self {
            name,
            context,
            aspired,
            status: status.clone(),
            changed,
            entries: BTreeMap::new(),
            labels: BTreeMap::new(),
            faults: Vec::new(),
            ended: mpsc::unbounded_channel(),
        };
        let handle = StreamHandle {
            aspired: sender,
            status,
        };
        (stream, handle)
    }

    /// Does what the policy says until there is nothing to do, then waits for news.
    pub(super) async fn run(mut self) {
        loop {
            let aspired = self.aspired.borrow_and_update().clone();
            let action = aspired.as_ref().and_then(|aspired| {
                self.take_in(aspired);
                self.next_action(aspired)
            });
            match action {
                Some(Action::Load(version)) => self.load(version).await,
                Some(Action::Unload(version)) => self.unload(version),
                None => {
                    self.publish(aspired.is_some());
                    if !self.news().await {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until something is wanted, has ended, or may be tried again. False when the manager
    /// is gone.
    async fn news(&mut self) -> bool {
        let due = self.entries.values().filter_map(Entry::due).min();
        let retry = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = self.aspired.changed() => changed.is_ok(),
            ended = self.ended.1.recv() => {
                self.end(ended);
                true
            }
            () = retry => true,
        }
    }

    /// Takes over what is in storage.
    fn take_in(&mut self, aspired: &AspiredModel) {
        for entry in self.entries.values_mut() {
            entry.aspired = None;
        }
        for version in &aspired.versions {
            let entry = self.entries.entry(version.version).or_default();
            entry.aspire(version.clone());
        }
        for (version, reason) in &aspired.held_back {
            let entry = self.entries.entry(*version).or_default();
            if let Some(told) = entry.hold_back(reason) {
                let labels = labels_of(&self.name, *version);
                warn!(model.name = %self.name, model.version = %version, reason = %entry.message,
                      "model version not loaded");
                self.context.metrics.load_failed(&labels, told);
            }
        }
        self.entries.retain(|version, entry| {
            entry.aspired.is_some()
                || entry.has_history()
                || aspired.held_back.contains_key(version)
        });
        let mut faults = Vec::new();
        for fault in &aspired.faults {
            let message = fault.message();
            if !self.faults.contains(&message) {
                warn!(model.name = %self.name, reason = message, "model's folder has a fault");
                let model = self.name.to_string();
                let version = "none".to_owned();
                let labels = ModelLabels { model, version };
                self.context.metrics.load_failed(&labels, fault.reason());
            }
            faults.push(message);
        }
        self.faults = faults;
        self.forget_ended();
        self.move_labels(aspired);
    }

    fn forget_ended(&mut self) {
        let is_past = |entry: &Entry| entry.aspired.is_none() && entry.state == Some(State::End);
        let past = self.entries.iter().filter(|(_, entry)| is_past(entry));
        let mut past: Vec<Version> = past.map(|(version, _)| *version).collect();
        past.truncate(past.len().saturating_sub(MAX_ENDED));
        self.entries.retain(|version, _| !past.contains(version));
    }

    /// A label moves when its target serves; until then it stays where it was.
    fn move_labels(&mut self, aspired: &AspiredModel) {
        let serves = |version: &Version| {
            self.entries
                .get(version)
                .is_some_and(|entry| entry.servable.is_some())
        };
        let place = |(label, target): (&Label, &Version)| {
            let before = self.labels.get(label).and_then(|status| status.version);
            let version = [Some(*target), before].into_iter().flatten().find(serves);
            let status = LabelStatus {
                label: label.clone(),
                target: *target,
                version,
            };
            (label.clone(), status)
        };
        self.labels = aspired.labels.iter().map(place).collect();
    }

    fn next_action(&mut self, aspired: &AspiredModel) -> Option<Action> {
        let now = Instant::now();
        for entry in self.entries.values_mut() {
            entry.mind_note(now);
        }
        let view = |(version, entry): (&Version, &Entry)| VersionView {
            version: *version,
            sealed: entry.aspired.is_some(),
            condition: entry.condition(now),
        };
        let views: Vec<VersionView> = self.entries.iter().map(view).collect();
        let named = self.labels.values();
        let labelled: BTreeSet<Version> = named
            .flat_map(|label| [Some(label.target), label.version])
            .flatten()
            .collect();
        let intent = Intent {
            policy: &aspired.policy,
            labelled: &labelled,
            withdrawn: aspired.withdrawn,
        };
        let wanted = policy::wanted(&views, &intent);
        for (version, entry) in &mut self.entries {
            entry.want(wanted.contains(version));
        }
        policy::next_action(&views, &intent, |version| self.room(version, &wanted))
    }

    /// Shows everybody how the model stands, all at once.
    fn publish(&self, settled: bool) {
        let versions = self.entries.iter().rev();
        let model = ModelStatus {
            name: self.name.clone(),
            versions: versions
                .filter_map(|(version, entry)| entry.status(*version))
                .collect(),
            labels: self.labels.values().cloned().collect(),
            faults: self.faults.clone(),
        };
        let serving = self
            .entries
            .iter()
            .filter_map(|(version, entry)| Some((*version, Arc::clone(entry.servable.as_ref()?))));
        let mut status = self
            .status
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        status.model = model;
        status.servables = serving.collect();
        // Once settled it stays so: what comes later is news, not the start.
        status.settled |= settled;
        drop(status);
        self.changed.send_modify(|count| *count += 1);
    }
}

fn labels_of(name: &ModelName, version: Version) -> ModelLabels {
    metric_labels(&ServableId {
        name: name.clone(),
        version,
    })
}
