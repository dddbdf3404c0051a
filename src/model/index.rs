//! The index of a bucket, `index.json`: one line a model, so that one conditional read sees any
//! change. It says that something changed; what is there the objects themselves say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    name::{ModelName, Version},
};

/// The index's file name at the root.
pub const INDEX_FILE: &str = "index.json";

/// Largest index, in bytes: some hundred thousand versions.
pub const MAX_INDEX_BYTES: usize = 32 << 20;

/// What every model's documents looked like at the last change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    schema: u32,
    /// Every model that was published.
    pub models: BTreeMap<ModelName, IndexLine>,
    /// Models that their owner removed, until they are published again. Only these are taken out
    /// of service: a line that is merely missing may have been lost.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<ModelName>,
}

/// What one model's documents looked like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexLine {
    /// Digest of `serving.json`, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Digest>,
    /// Digest of each version's `manifest.json`.
    pub versions: BTreeMap<VersionKey, Digest>,
}

/// A version as a key of a JSON object, which is always text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionKey(pub Version);

impl Serialize for VersionKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for VersionKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema: 1,
            models: BTreeMap::new(),
            removed: BTreeSet::new(),
        }
    }
}

/// What is wrong with an index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not JSON, or not of this shape.
    #[error("index.json cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer Ocellus.
    #[error("index.json has schema {0}, this server reads schema 1")]
    Schema(u32),
}

impl Index {
    /// Reads an index.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let index: Self = serde_json::from_slice(bytes)
            .map_err(|error| IndexError::Unreadable(error.to_string()))?;
        match index.schema {
            1 => Ok(index),
            other => Err(IndexError::Schema(other)),
        }
    }

    /// The index as it is stored, one line a model.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no index brings about.
    pub fn to_bytes(&self) -> Result<Vec<u8>, IndexError> {
        let unwritable = |error: serde_json::Error| IndexError::Unreadable(error.to_string());
        let mut text = String::from("{\"schema\": 1, \"models\": {");
        for (place, (name, line)) in self.models.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            let line = serde_json::to_string(line).map_err(unwritable)?;
            write!(text, "{comma}\n\"{name}\": {line}")
                .map_err(|error| IndexError::Unreadable(error.to_string()))?;
        }
        text.push_str("\n}");
        if !self.removed.is_empty() {
            let removed = serde_json::to_string(&self.removed).map_err(unwritable)?;
            write!(text, ", \"removed\": {removed}")
                .map_err(|error| IndexError::Unreadable(error.to_string()))?;
        }
        text.push_str("}\n");
        Ok(text.into_bytes())
    }

    /// The models whose lines differ between two indexes, or that were removed, in order of name.
    #[must_use]
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> Vec<&'a ModelName> {
        let names = self.models.keys().chain(before.models.keys());
        let names = names.chain(&self.removed).chain(&before.removed);
        let differs = |name: &&ModelName| {
            self.models.get(*name) != before.models.get(*name)
                || self.removed.contains(*name) != before.removed.contains(*name)
        };
        let mut changed: Vec<_> = names.filter(differs).collect();
        changed.sort();
        changed.dedup();
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Versions<'a> = &'a [(i64, &'a [u8])];

    fn index(models: &[(&str, Versions<'_>)]) -> Index {
        let mut index = Index::default();
        for (name, versions) in models {
            let versions = versions.iter().map(|(version, bytes)| {
                let version = version.to_string().parse().expect("a version");
                (VersionKey(version), Digest::of(bytes))
            });
            let line = IndexLine {
                serving: None,
                versions: versions.collect(),
            };
            index.models.insert(name.parse().expect("a name"), line);
        }
        index
    }

    #[test]
    fn an_index_has_a_line_for_each_model() {
        let index = index(&[("cat", &[(1, b"a"), (2, b"b")]), ("dog", &[(7, b"c")])]);
        let bytes = index.to_bytes().expect("writes");
        assert_eq!(String::from_utf8_lossy(&bytes).lines().count(), 4);
        assert_eq!(Index::parse(&bytes), Ok(index.clone()));
        let mut removed = index.clone();
        removed.removed.insert("emu".parse().expect("a name"));
        let bytes = removed.to_bytes().expect("writes");
        assert_eq!(Index::parse(&bytes), Ok(removed.clone()));
        let changed = removed.changed_since(&index);
        assert_eq!(
            changed
                .into_iter()
                .map(ModelName::as_str)
                .collect::<Vec<_>>(),
            ["emu"]
        );
        let empty = Index::default().to_bytes().expect("writes");
        assert_eq!(Index::parse(&empty), Ok(Index::default()));
    }

    #[test]
    fn changed_lines_are_found() {
        let before = index(&[("cat", &[(1, b"a")]), ("dog", &[]), ("emu", &[])]);
        let after = index(&[("cat", &[(1, b"b")]), ("dog", &[]), ("fox", &[])]);
        let changed: Vec<_> = after.changed_since(&before).into_iter().collect();
        let names: Vec<_> = changed.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["cat", "emu", "fox"]);
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for bad in [
            "",
            "[]",
            "{\"schema\": 1}",
            "{\"schema\": 9, \"models\": {}}",
        ] {
            assert!(Index::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
