//! Which version to load or unload next. Pure: states in, at most one action out.
//!
//! The two policies of TensorFlow Serving: versions are loaded before others are given up
//! (availability-preserving), unless memory holds only one of them (resource-preserving).

use std::collections::BTreeSet;

use crate::model::{desired::VersionPolicy, name::Version};

/// A version that could serve, as the policy sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionView {
    /// The version.
    pub version: Version,
    /// Whether it is complete in storage, so that it could be loaded.
    pub sealed: bool,
    /// How it stands.
    pub condition: Condition,
}

/// How a version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Not loaded, and never failed in its present content.
    New,
    /// Serving its present content.
    Available,
    /// Serving, but its content in storage is another.
    Stale,
    /// Failed to load.
    Failed {
        /// It may be tried again now.
        due: bool,
    },
    /// Serving older content; the present content failed to load.
    StaleFailed {
        /// The present content may be tried again now.
        due: bool,
    },
    /// Its last requests are running.
    Unloading,
}

impl Condition {
    /// Whether requests are answered by it.
    #[must_use]
    pub const fn serves(self) -> bool {
        match self {
            Self::Available | Self::Stale | Self::StaleFailed { .. } => true,
            Self::New | Self::Failed { .. } | Self::Unloading => false,
        }
    }

    const fn failed(self) -> bool {
        match self {
            Self::Failed { .. } | Self::StaleFailed { .. } => true,
            Self::New | Self::Available | Self::Stale | Self::Unloading => false,
        }
    }

    const fn can_load(self) -> bool {
        match self {
            Self::New | Self::Stale => true,
            Self::Failed { due } | Self::StaleFailed { due } => due,
            Self::Available | Self::Unloading => false,
        }
    }
}

/// Whether memory holds one more version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It does.
    Enough,
    /// It would, were the versions that are not wanted any more gone.
    AfterUnloading,
    /// It would not even then. The load is tried, and says so.
    Never,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Load this version.
    Load(Version),
    /// Take this version out of service.
    Unload(Version),
}

/// What a model's owner wants, beside the versions there are.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    /// Which versions are wanted.
    pub policy: &'a VersionPolicy,
    /// Versions that a label names, or still names while its new target is not available.
    pub labelled: &'a BTreeSet<Version>,
    /// The model was taken out of service.
    pub withdrawn: bool,
}

/// The versions that are wanted. Where one of the newest failed, the next older takes its place,
/// so that a server that starts with a broken newest version serves the one before.
#[must_use]
pub fn wanted(versions: &[VersionView], intent: &Intent<'_>) -> BTreeSet<Version> {
    if intent.withdrawn {
        return BTreeSet::new();
    }
    let mut sealed: Vec<_> = versions.iter().filter(|view| view.sealed).collect();
    sealed.sort_by_key(|view| std::cmp::Reverse(view.version));
    let by_policy: Vec<Version> = match intent.policy {
        VersionPolicy::All => sealed.iter().map(|view| view.version).collect(),
        VersionPolicy::Specific(named) => {
            let named = |view: &&&VersionView| named.contains(&view.version);
            sealed
                .iter()
                .filter(named)
                .map(|view| view.version)
                .collect()
        }
        VersionPolicy::Latest(count) => {
            let mut sound = 0;
            let mut newest = Vec::new();
            for view in &sealed {
                if sound == *count {
                    break;
                }
                newest.push(view.version);
                sound += u32::from(!view.condition.failed() || view.condition.serves());
            }
            newest
        }
    };
    let labelled = sealed.iter().map(|view| view.version);
    let labelled = labelled.filter(|version| intent.labelled.contains(version));
    by_policy.into_iter().chain(labelled).collect()
}

/// The next action, or none where there is nothing to do now.
///
/// Availability-preserving: a version that serves is given up only when a wanted one serves, or
/// when the model was withdrawn. The lowest goes first. What a label names is loaded first, then the
/// highest.
/// Resource-preserving where `room` says that a version fits only after others are gone.
#[must_use]
pub fn next_action(
    versions: &[VersionView],
    intent: &Intent<'_>,
    room: impl Fn(Version) -> Room,
) -> Option<Action> {
    let wanted = wanted(versions, intent);
    let is_wanted = |view: &&VersionView| wanted.contains(&view.version);
    let superseded = versions
        .iter()
        .filter(|view| view.condition.serves() && !is_wanted(view))
        .min_by_key(|view| view.version);
    let replaced = versions
        .iter()
        .any(|view| view.condition.serves() && is_wanted(&view));
    if let Some(superseded) = superseded.filter(|_| replaced || intent.withdrawn) {
        return Some(Action::Unload(superseded.version));
    }
    let next = versions
        .iter()
        .filter(|view| view.sealed && view.condition.can_load() && is_wanted(view))
        .max_by_key(|view| {
            (
                !view.condition.serves(),
                !view.condition.failed(),
                intent.labelled.contains(&view.version),
                view.version,
            )
        })?;
    let unloading = versions
        .iter()
        .any(|view| view.condition == Condition::Unloading);
    match (room(next.version), superseded) {
        (Room::AfterUnloading, Some(superseded)) => Some(Action::Unload(superseded.version)),
        (Room::AfterUnloading, None) if unloading => None,
        (Room::Enough | Room::AfterUnloading | Room::Never, _) => Some(Action::Load(next.version)),
    }
}

#[cfg(test)]
mod tests;
