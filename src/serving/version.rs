//! What a stream knows of one version.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::model::{digest::Digest, name::Version};

use super::{
    LoadError,
    aspired::{AspiredVersion, HeldBack},
    loader::Loaded,
    policy::Condition,
    resources::Bytes,
    servable::Servable,
    state::{State, VersionStatus, unloaded},
};

/// Waits before a version that failed is tried again; after the last only when its files change.
const RETRIES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
    Duration::from_secs(64),
];

/// Longest wait before a version is tried again whose failure is not its own.
const PASSING_RETRY: Duration = Duration::from_secs(4);

/// How often it is looked whether the note is gone that keeps a version from being loaded.
const NOTE_LOOK: Duration = Duration::from_secs(5);

/// A load that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    content: Digest,
    pub attempts: u32,
    /// Those of them that were the version's own fault.
    own: u32,
    /// A file that keeps it from being tried again.
    note: Option<PathBuf>,
    /// When the same content is tried again.
    pub due: Option<Instant>,
}

impl Failure {
    /// The failure after one more attempt.
    pub(super) fn after(before: Option<&Self>, content: Digest, cause: &LoadError) -> Self {
        let same = before.filter(|before| before.content == content);
        let (attempts, own) = same.map_or((0, 0), |before| (before.attempts, before.own));
        let wait = |count: u32| RETRIES.get(count as usize).copied();
        let (own, wait) = if cause.is_passing() {
            let wait = wait(attempts).unwrap_or(PASSING_RETRY);
            (own, Some(wait.min(PASSING_RETRY)))
        } else if cause.note().is_some() {
            (own + 1, Some(NOTE_LOOK))
        } else {
            (own + 1, wait(own))
        };
        Self {
            content,
            attempts: attempts + 1,
            own,
            due: wait.map(|wait| Instant::now() + wait),
            note: cause.note().map(Path::to_owned),
        }
    }
}

/// One version as its stream knows it.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Where it is in its life; `None` for a version that lies in storage and is not wanted.
    pub state: Option<State>,
    pub message: String,
    /// What lies in storage, complete.
    pub aspired: Option<AspiredVersion>,
    pub servable: Option<Arc<Servable>>,
    pub failure: Option<Failure>,
    /// Memory that it takes.
    pub bytes: Bytes,
    content: Option<Digest>,
    end: Option<mpsc::Receiver<()>>,
}

impl Entry {
    /// It lies in storage with this content.
    pub(super) fn aspire(&mut self, aspired: AspiredVersion) {
        let changed = |failure: &Failure| failure.content != aspired.content;
        if self.failure.as_ref().is_some_and(changed) {
            self.failure = None;
            self.message.clear();
        }
        self.aspired = Some(aspired);
    }

    /// It cannot be loaded as it lies in storage. Gives the reason for metrics where that is news.
    pub(super) fn hold_back(&mut self, reason: &HeldBack) -> Option<&'static str> {
        let state = match reason {
            HeldBack::Pending => State::Start,
            HeldBack::Manifest(_) | HeldBack::Missing(_) | HeldBack::Size { .. } => State::End,
        };
        let message = reason.message();
        let news = self.message != message;
        if self.servable.is_none() && self.state != Some(State::Unloading) {
            self.state = Some(state);
        }
        self.message = message;
        news.then(|| reason.reason())
    }

    /// Whether there is something to say of it when it is gone from storage.
    pub(super) fn has_history(&self) -> bool {
        self.content.is_some() || self.servable.is_some()
    }

    /// It is wanted, or not.
    pub(super) fn want(&mut self, wanted: bool) {
        let idle = self.servable.is_none() && self.state != Some(State::Unloading);
        match (wanted, self.aspired.is_some()) {
            (true, _) if idle && self.failure.is_none() => self.state = Some(State::Start),
            (false, true) if idle && !self.has_history() => self.state = None,
            _ => (),
        }
        if self.servable.is_some() && self.aspired.is_none() && self.message.is_empty() {
            "its files are gone; it serves on until another version can"
                .clone_into(&mut self.message);
        }
    }

    /// How the policy sees it.
    pub(super) fn condition(&self, now: Instant) -> Condition {
        let stored = self.aspired.as_ref().map(|aspired| aspired.content);
        let failure = self.failure.as_ref();
        let failure = failure.filter(|failure| Some(failure.content) == stored);
        let due = |failure: &Failure| failure.due.is_some_and(|due| due <= now);
        if self.state == Some(State::Unloading) {
            return Condition::Unloading;
        }
        let is_current = stored.is_none() || stored == self.content;
        match (self.servable.is_some(), failure) {
            (true, _) if is_current => Condition::Available,
            (true, Some(failure)) => Condition::StaleFailed { due: due(failure) },
            (true, None) => Condition::Stale,
            (false, Some(failure)) => Condition::Failed { due: due(failure) },
            (false, None) => Condition::New,
        }
    }

    /// When it may be tried again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.aspired.as_ref()?;
        self.failure.as_ref()?.due
    }

    /// Puts off the next attempt where a note keeps it from being made.
    pub(super) fn mind_note(&mut self, now: Instant) {
        let Some(failure) = &mut self.failure else {
            return;
        };
        let is_noted = || failure.note.as_ref().is_some_and(|note| note.exists());
        if failure.due.is_some_and(|due| due <= now) && is_noted() {
            failure.due = Some(now + NOTE_LOOK);
        }
    }

    pub(super) fn begin_load(&mut self) {
        if self.servable.is_none() {
            self.state = Some(State::Loading);
            self.message.clear();
        }
        // What is due is being done.
        if let Some(failure) = &mut self.failure {
            failure.due = None;
        }
    }

    /// The load was given up; nothing is known against the version.
    pub(super) fn give_up(&mut self) {
        if self.servable.is_none() {
            self.state = Some(State::Start);
        }
    }

    pub(super) fn available(&mut self, content: Digest, loaded: Loaded) {
        self.state = Some(State::Available);
        self.message.clear();
        self.failure = None;
        self.content = Some(content);
        self.bytes = loaded.bytes;
        self.end = Some(loaded.ended);
        self.servable = Some(Arc::new(loaded.servable));
    }

    pub(super) fn failed(&mut self, failure: Failure, cause: &LoadError) {
        self.failure = Some(failure);
        if self.servable.is_some() {
            self.message = format!("it serves its files from before; those now: {cause}");
        } else {
            self.state = Some(State::End);
            self.message = cause.to_string();
        }
    }

    /// Takes it out of service; gives what is to be dropped, and the news of its end.
    pub(super) fn unload(&mut self, why: &str) -> Option<(Arc<Servable>, mpsc::Receiver<()>)> {
        let servable = self.servable.take()?;
        self.state = Some(State::Unloading);
        self.message = unloaded(why);
        Some((servable, self.end.take()?))
    }

    pub(super) fn end(&mut self) {
        self.state = Some(State::End);
        self.bytes = Bytes::default();
    }

    /// What everybody sees of it.
    pub(super) fn status(&self, version: Version) -> Option<VersionStatus> {
        Some(VersionStatus {
            version,
            state: self.state?,
            message: self.message.clone(),
            served: self
                .servable
                .as_ref()
                .map(|servable| Arc::clone(&servable.version)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_tried_five_times_and_then_when_its_content_changes() {
        let own = LoadError::Lost;
        let content = Digest::of(b"as it was published");
        let mut failure = Failure::after(None, content, &own);
        for wait in RETRIES {
            let due = failure.due.expect("is tried again");
            assert!(due <= Instant::now() + wait);
            failure = Failure::after(Some(&failure), content, &own);
        }
        assert_eq!((failure.attempts, failure.due), (5, None));
        let other = Failure::after(Some(&failure), Digest::of(b"published anew"), &own);
        assert_eq!(other.attempts, 1);
        assert!(other.due.is_some());
    }
}
