//! How versions, labels and models stand, in TensorFlow Serving's words.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::{
    name::{Label, ModelName, Version},
    served_version::ServedVersion,
};

/// Where a version is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Known, not yet being loaded.
    Start,
    /// Being loaded.
    Loading,
    /// Serving.
    Available,
    /// Not given out any more; its last requests are running.
    Unloading,
    /// Gone, or never came up: the message says why.
    End,
}

/// A version as it stands now.
#[derive(Clone, Debug)]
pub struct VersionStatus {
    /// The version.
    pub version: Version,
    /// Where it is in its life.
    pub state: State,
    /// Why it is there, where that needs saying.
    pub message: String,
    /// What is known of it while it serves.
    pub served: Option<Arc<ServedVersion>>,
}

/// How the message begins of a version that was taken out of service. A gateway hears no more of it
/// than these words.
const UNLOADED: &str = "unloaded: ";

/// The message of a version that was taken out of service.
pub(super) fn unloaded(why: &str) -> String {
    format!("{UNLOADED}{why}")
}

impl VersionStatus {
    /// Whether it came to a bad end: what was taken out of service ended well, what never came up
    /// did not.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        match self.state {
            State::End => !self.message.is_empty() && !self.message.starts_with(UNLOADED),
            State::Start | State::Loading | State::Available | State::Unloading => false,
        }
    }
}

/// A label as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelStatus {
    /// The label.
    pub label: Label,
    /// The version that it is to name.
    pub target: Version,
    /// The version that it names: the target, or the one before while the target is not available.
    pub version: Option<Version>,
}

/// A model as it stands now.
#[derive(Clone, Debug)]
pub struct ModelStatus {
    /// The model.
    pub name: ModelName,
    /// Its versions, newest first.
    pub versions: Vec<VersionStatus>,
    /// Its labels, by name.
    pub labels: Vec<LabelStatus>,
    /// What is wrong with its folder beside its versions.
    pub faults: Vec<String>,
}

impl ModelStatus {
    /// A model that nothing is known of yet.
    #[must_use]
    pub const fn new(name: ModelName) -> Self {
        Self {
            name,
            versions: Vec::new(),
            labels: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// A version of the model.
    #[must_use]
    pub fn version(&self, version: Version) -> Option<&VersionStatus> {
        self.versions
            .iter()
            .find(|status| status.version == version)
    }

    /// Whether no version serves, or has requests that run.
    #[must_use]
    pub fn is_out_of_service(&self) -> bool {
        self.versions.iter().all(|version| match version.state {
            State::Start | State::Loading | State::End => version.served.is_none(),
            State::Available | State::Unloading => false,
        })
    }

    /// A label of the model.
    #[must_use]
    pub fn label(&self, label: &str) -> Option<&LabelStatus> {
        self.labels
            .iter()
            .find(|status| status.label.as_str() == label)
    }

    /// The version that answers where none is asked for: the one that is labelled `stable`, or
    /// else the newest that can serve.
    #[must_use]
    pub fn default_version(&self) -> Option<&Arc<ServedVersion>> {
        let stable = self.label(Label::STABLE).and_then(|label| label.version);
        let stable = stable.and_then(|version| self.version(version)?.served.as_ref());
        stable.or_else(|| {
            self.versions
                .iter()
                .find_map(|version| version.served.as_ref())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_came_up_has_failed() {
        let check = |state: State, message: &str, failed: bool| {
            let status = VersionStatus {
                version: "1".parse().expect("a version"),
                state,
                message: message.to_owned(),
                served: None,
            };
            assert_eq!(status.has_failed(), failed, "{state:?} {message:?}");
        };
        let unloaded = unloaded("version 2 serves");
        check(State::Unloading, &unloaded, false);
        check(State::End, &unloaded, false);
        check(State::End, "", false);
        check(State::End, "labels.txt is missing", true);
        check(State::Start, "its files are not all there yet", false);
    }
}
