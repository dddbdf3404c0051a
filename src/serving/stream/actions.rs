//! The actions of a stream: a version loaded, a version taken out of service.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use tokio::task::JoinSet;
use tracing::{error, info};

use crate::{
    model::name::Version,
    serving::{
        LoadError,
        aspired::AspiredVersion,
        loader::{self, Loaded},
        policy::Room,
        resources::Bytes,
        version::{Entry, Failure},
    },
};

use super::{Stream, labels_of};

impl Stream {
    pub(super) fn room(&self, version: Version, wanted: &BTreeSet<Version>) -> Room {
        let Some(aspired) = self
            .entries
            .get(&version)
            .and_then(|entry| entry.aspired.as_ref())
        else {
            return Room::Never;
        };
        let others = self
            .entries
            .iter()
            .filter(|(other, _)| !wanted.contains(other));
        let freeable = others.fold(Bytes::default(), |sum, (_, entry)| sum.plus(entry.bytes));
        self.context.memory.room(self.need(aspired), freeable)
    }

    fn need(&self, aspired: &AspiredVersion) -> Bytes {
        let guess = loader::guess(&self.context, aspired);
        self.context.memory.need(&self.name, guess)
    }

    /// Loads a version, unless it is not wanted any more meanwhile.
    pub(super) async fn load(&mut self, version: Version) {
        let Some(entry) = self.entries.get_mut(&version) else {
            return;
        };
        let Some(aspired) = entry.aspired.clone() else {
            return;
        };
        entry.begin_load();
        self.publish(false);
        let reserved = self.context.memory.reserve(self.need(&aspired));
        let reservation = match reserved {
            Ok(reservation) => reservation,
            Err(shortage) => return self.failed(&aspired, &LoadError::Memory(shortage)),
        };
        let begun = Instant::now();
        let (context, name) = (Arc::clone(&self.context), self.name.clone());
        let load = loader::load(context, name, aspired.clone(), reservation);
        // Given up, for what does not block, when this is dropped.
        let mut loads = JoinSet::new();
        loads.spawn_on(load, &self.context.loads);
        let loaded = loop {
            tokio::select! {
                Some(ended) = loads.join_next() => {
                    break ended.unwrap_or(Err(LoadError::Lost));
                }
                changed = self.aspired.changed() => {
                    if changed.is_err() || !self.is_still_there(&aspired) {
                        info!(model.name = %self.name, model.version = %version,
                              "model load given up, its files are gone or others now");
                        if let Some(entry) = self.entries.get_mut(&version) {
                            entry.give_up();
                        }
                        return;
                    }
                    // A rollback does not wait for what is being loaded.
                    self.follow_labels();
                    self.publish(false);
                }
            }
        };
        match loaded {
            Ok(loaded) => self.available(&aspired, loaded, begun),
            Err(cause) => self.failed(&aspired, &cause),
        }
    }

    fn is_still_there(&mut self, loading: &AspiredVersion) -> bool {
        let aspired = self.aspired.borrow_and_update();
        aspired.as_ref().is_some_and(|aspired| {
            let same = |version: &AspiredVersion| {
                (version.version, version.content) == (loading.version, loading.content)
            };
            !aspired.withdrawn && aspired.versions.iter().any(same)
        })
    }

    fn available(&mut self, aspired: &AspiredVersion, loaded: Loaded, begun: Instant) {
        let elapsed = begun.elapsed();
        let labels = labels_of(&self.name, aspired.version);
        info!(model.name = %self.name, model.version = %aspired.version,
              digest = loaded.servable.version.digest, elapsed_s = elapsed.as_secs_f64(),
              memory_bytes = loaded.bytes.host, "model version available");
        self.context.metrics.loaded(&labels, elapsed);
        self.context.metrics.model_available(&labels, true);
        if let Some(entry) = self.entries.get_mut(&aspired.version) {
            entry.available(aspired.content, loaded);
        }
        // Labels that waited for this version move with it, before anybody sees it.
        self.follow_labels();
        self.publish(false);
    }

    fn follow_labels(&mut self) {
        let now = self.aspired.borrow().clone();
        if let Some(now) = now {
            self.move_labels(&now);
        }
    }

    fn failed(&mut self, aspired: &AspiredVersion, cause: &LoadError) {
        let labels = labels_of(&self.name, aspired.version);
        self.context.metrics.load_failed(&labels, cause.reason());
        let Some(entry) = self.entries.get_mut(&aspired.version) else {
            return;
        };
        let failure = Failure::after(entry.failure.as_ref(), aspired.content, cause);
        error!(model.name = %self.name, model.version = %aspired.version, reason = %cause,
               attempts = failure.attempts, retried = failure.due.is_some(), "model load failed");
        entry.failed(failure, cause);
        if entry.servable.is_none() {
            self.context.metrics.model_available(&labels, false);
        }
        self.publish(false);
    }

    /// Takes a version out of service. It ends when its last request has.
    pub(super) fn unload(&mut self, version: Version) {
        let is_other =
            |(other, entry): (&Version, &Entry)| *other != version && entry.servable.is_some();
        let withdrawn = self
            .aspired
            .borrow()
            .as_ref()
            .is_some_and(|aspired| aspired.withdrawn);
        let why = if withdrawn || self.entries.iter().any(is_other) {
            "it is not wanted any more"
        } else {
            "memory does not hold it and its successor, which is loaded next (resource-preserving)"
        };
        let Some(entry) = self.entries.get_mut(&version) else {
            return;
        };
        let Some((servable, mut end)) = entry.unload(why) else {
            return;
        };
        self.context
            .metrics
            .model_available(&labels_of(&self.name, version), false);
        info!(model.name = %self.name, model.version = %version, reason = entry.message,
              "model version withdrawn");
        self.publish(false);
        // Given up only after nobody can get a new hold on it.
        drop(servable);
        let ended = self.ended.0.clone();
        tokio::spawn(async move {
            end.recv().await;
            ended.send(version).ok();
        });
    }

    pub(super) fn end(&mut self, ended: Option<Version>) {
        let Some(version) = ended else { return };
        if let Some(entry) = self.entries.get_mut(&version) {
            entry.end();
            info!(model.name = %self.name, model.version = %version, "model version unloaded");
        }
    }
}
