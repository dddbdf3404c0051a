//! Which of a model's versions answers a request. Pure: the model as it stands, and what is asked.

use std::sync::Arc;

use crate::model::{
    name::{Label, Version},
    served_version::ServedVersion,
};

use super::{
    ServeError,
    state::{LabelStatus, ModelStatus, State, VersionStatus},
};

/// Which version of a model is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionChoice {
    /// The one labelled `stable`, else the newest that can serve.
    #[default]
    Default,
    /// This one.
    Version(Version),
    /// The one that this label names.
    Label(Label),
}

/// The version that answers, and the label that chose it.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The version.
    pub version: Arc<ServedVersion>,
    /// The label asked for, or `stable` where nothing was.
    pub label: Option<Label>,
}

impl ModelStatus {
    /// The version that answers such a request now.
    ///
    /// # Errors
    /// When the version or label is not known or cannot serve, with the reason.
    pub fn choose(&self, choice: &VersionChoice) -> Result<Choice, ServeError> {
        let (version, label) = match choice {
            VersionChoice::Default => {
                let default = self.default_version().cloned();
                let version = default.ok_or_else(|| not_ready(self, self.versions.first()))?;
                let stable = self.label(Label::STABLE);
                let stable = stable.filter(|label| label.version == Some(version.id.version));
                let label = stable.map(|label| label.label.clone());
                return Ok(Choice { version, label });
            }
            VersionChoice::Version(version) => (*version, None),
            VersionChoice::Label(label) => (self.labelled(label)?, Some(label.clone())),
        };
        let status = self.version(version);
        match status.and_then(|status| status.served.clone()) {
            Some(version) => Ok(Choice { version, label }),
            None if status.is_some() => Err(not_ready(self, status)),
            None => Err(ServeError::VersionNotFound {
                name: self.name.clone(),
                version,
            }),
        }
    }

    /// The version that a label names.
    fn labelled(&self, label: &Label) -> Result<Version, ServeError> {
        match self.label(label.as_str()) {
            Some(LabelStatus {
                version: Some(version),
                ..
            }) => Ok(*version),
            Some(LabelStatus { target, .. }) => Err(pending(self, label, *target)),
            None => Err(ServeError::LabelNotFound {
                name: self.name.clone(),
                label: label.clone(),
            }),
        }
    }
}

fn pending(model: &ModelStatus, label: &Label, target: Version) -> ServeError {
    ServeError::NotReady {
        name: model.name.clone(),
        reason: format!("label {label} is to name version {target}, which is not available yet"),
    }
}

fn not_ready(model: &ModelStatus, status: Option<&VersionStatus>) -> ServeError {
    let name = &model.name;
    let reason = match status {
        None => "it has no version".to_owned(),
        Some(status) => {
            let version = status.version;
            let first = status.message.lines().next().unwrap_or_default();
            let more = format!("{first}; GET /v1/models/{name} says more");
            match status.state {
                State::Start if first.is_empty() => format!("version {version} waits to be loaded"),
                State::Start => format!("version {version} is not loaded: {more}"),
                State::Loading => format!("version {version} is still being loaded"),
                State::Available => format!("version {version} is being replaced"),
                State::Unloading => format!("version {version} is being unloaded"),
                State::End => format!("version {version} is not loaded: {more}"),
            }
        }
    };
    ServeError::NotReady {
        name: name.clone(),
        reason,
    }
}
