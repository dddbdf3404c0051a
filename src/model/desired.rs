//! The desired state of a model, `serving.json`: which versions are wanted and what labels name.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::name::{Label, Version};

/// The desired state's file name in a model's folder.
pub const DESIRED_FILE: &str = "serving.json";

/// Largest `serving.json`, in bytes.
pub const MAX_DESIRED_BYTES: usize = 256 * 1024;

/// Promotions that are remembered for `rollback`.
const MAX_HISTORY: usize = 50;

/// Which versions of a model are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionPolicy {
    /// The newest, that many.
    Latest(u32),
    /// Every version.
    All,
    /// These.
    Specific(BTreeSet<Version>),
}

/// What a model's owner wants of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    schema: u32,
    /// Which versions are wanted, beside those that labels name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<VersionPolicy>,
    /// What labels name. `stable` answers where a request names no version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Label, Version>,
    /// Versions that `stable` named before, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub promoted: Vec<Version>,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            schema: 1,
            policy: None,
            labels: BTreeMap::new(),
            promoted: Vec::new(),
        }
    }
}

/// What is wrong with a `serving.json`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DesiredError {
    /// Not JSON, or not of this shape.
    #[error("serving.json cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer Ocellus.
    #[error("serving.json has schema {0}, this server reads schema 1")]
    Schema(u32),
    /// A policy that wants nothing.
    #[error("serving.json: policy: {0}")]
    Policy(&'static str),
}

impl VersionPolicy {
    /// Checks that the policy wants something.
    ///
    /// # Errors
    /// When it wants nothing.
    pub fn check(&self) -> Result<(), DesiredError> {
        match self {
            Self::Latest(0) => Err(DesiredError::Policy("latest must be at least 1")),
            Self::Specific(versions) if versions.is_empty() => {
                Err(DesiredError::Policy("specific must name a version"))
            }
            Self::Latest(_) | Self::All | Self::Specific(_) => Ok(()),
        }
    }
}

impl std::fmt::Display for VersionPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Latest(count) => write!(f, "latest {count}"),
            Self::All => f.write_str("all"),
            Self::Specific(versions) => {
                let versions: Vec<_> = versions.iter().map(Version::to_string).collect();
                write!(f, "specific {}", versions.join(","))
            }
        }
    }
}

impl Desired {
    /// Reads a `serving.json`.
    ///
    /// # Errors
    /// When it is none, or wants nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, DesiredError> {
        let desired: Self = serde_json::from_slice(bytes)
            .map_err(|error| DesiredError::Unreadable(error.to_string()))?;
        if desired.schema != 1 {
            return Err(DesiredError::Schema(desired.schema));
        }
        desired.policy.iter().try_for_each(VersionPolicy::check)?;
        Ok(desired)
    }

    /// The desired state as it is stored.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no desired state brings about.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DesiredError> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| DesiredError::Unreadable(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Sets a label, and remembers what `stable` named before.
    pub fn promote(&mut self, label: Label, version: Version) {
        let is_stable = label.as_str() == Label::STABLE;
        let before = self.labels.insert(label, version);
        if let Some(before) = before.filter(|before| is_stable && *before != version) {
            self.promoted.push(before);
            let forgotten = self.promoted.len().saturating_sub(MAX_HISTORY);
            self.promoted.drain(..forgotten);
        }
    }

    /// Takes a version out of labels and history.
    pub fn forget(&mut self, version: Version) {
        self.labels.retain(|_, target| *target != version);
        self.promoted.retain(|promoted| *promoted != version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: i64) -> Version {
        number.to_string().parse().expect("a version")
    }

    #[test]
    fn policies_are_read_as_people_write_them() {
        let check = |policy: &str, expected: VersionPolicy| {
            let text = format!("{{\"schema\": 1, \"policy\": {policy}}}");
            let desired = Desired::parse(text.as_bytes()).expect("sound");
            assert_eq!(desired.policy, Some(expected), "{policy}");
            let again = Desired::parse(&desired.to_bytes().expect("writes"));
            assert_eq!(again, Ok(desired));
        };
        check("{\"latest\": 2}", VersionPolicy::Latest(2));
        check("\"all\"", VersionPolicy::All);
        check(
            "{\"specific\": [3, 1]}",
            VersionPolicy::Specific([version(1), version(3)].into()),
        );
    }

    #[test]
    fn a_state_that_wants_nothing_or_is_unknown_is_refused() {
        for bad in [
            "",
            "{}",
            "{\"schema\": 2}",
            "{\"schema\": 1, \"policy\": {\"latest\": 0}}",
            "{\"schema\": 1, \"policy\": {\"specific\": []}}",
            "{\"schema\": 1, \"policy\": {\"newest\": 1}}",
            "{\"schema\": 1, \"labels\": {\"a b\": 1}}",
            "{\"schema\": 1, \"labels\": {\"stable\": 0}}",
            "{\"schema\": 1, \"polcy\": \"all\"}",
        ] {
            assert!(Desired::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_stable_named_before_is_remembered() {
        let stable: Label = Label::STABLE.parse().expect("a label");
        let canary: Label = "canary".parse().expect("a label");
        let mut desired = Desired::default();
        for number in [1, 2, 2, 3] {
            desired.promote(stable.clone(), version(number));
        }
        desired.promote(canary.clone(), version(9));
        desired.promote(canary, version(8));
        assert_eq!(desired.promoted, [version(1), version(2)]);
        desired.forget(version(2));
        assert_eq!(desired.promoted, [version(1)]);
        assert_eq!(desired.labels.get(&stable), Some(&version(3)));
    }
}
