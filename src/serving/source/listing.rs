//! What a listing of the models' root says: models, versions, files. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        desired::DESIRED_FILE,
        digest::{Digest, Hasher},
        index::INDEX_FILE,
        manifest::MANIFEST_FILE,
        name::{ModelName, Version},
    },
    storage::{Listed, Tag},
};

/// The models' root as it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootListing {
    /// Whether there is an index, so that models were published here.
    pub has_index: bool,
    /// Every model.
    pub models: BTreeMap<ModelName, ModelListing>,
    /// Folders that are not named like a model.
    pub odd: BTreeSet<String>,
}

/// One model's folder as it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelListing {
    /// The state of `serving.json`, where there is one.
    pub desired: Option<Tag>,
    /// Every version.
    pub versions: BTreeMap<Version, VersionListing>,
    /// Folders that are not named like a version.
    pub odd: BTreeSet<String>,
}

/// One version's folder as it lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionListing {
    /// The state of `manifest.json`, where there is one.
    pub manifest: Option<Tag>,
    /// Every file, by its path in the folder.
    pub files: BTreeMap<String, (u64, Tag)>,
}

impl VersionListing {
    /// Bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files
            .values()
            .fold(0, |sum, (size, _)| sum.saturating_add(*size))
    }

    /// Changes whenever a file does.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::default();
        for (path, (size, Tag(tag))) in &self.files {
            hasher.update(format!("{path}\0{size}\0{tag}\n").as_bytes());
        }
        hasher.finish()
    }
}

/// Sorts the objects of a root, or of a part of it, by model and version.
#[must_use]
pub fn group(listed: &[Listed]) -> RootListing {
    let mut root = RootListing::default();
    for object in listed {
        let hidden = object
            .key
            .split('/')
            .any(|part| part.starts_with('.') || part.is_empty());
        match object.key.split_once('/') {
            None => root.has_index |= object.key == INDEX_FILE,
            Some(_) if hidden => (),
            Some((model, rest)) => match model.parse::<ModelName>() {
                Ok(name) => root.models.entry(name).or_default().add(rest, object),
                Err(_) => {
                    root.odd.insert(model.to_owned());
                }
            },
        }
    }
    root
}

impl ModelListing {
    fn add(&mut self, path: &str, object: &Listed) {
        let Some((version, path)) = path.split_once('/') else {
            if path == DESIRED_FILE {
                self.desired = Some(object.tag.clone());
            }
            return;
        };
        let Ok(version) = version.parse::<Version>() else {
            self.odd.insert(version.to_owned());
            return;
        };
        let version = self.versions.entry(version).or_default();
        if path == MANIFEST_FILE {
            version.manifest = Some(object.tag.clone());
        }
        let file = (object.size, object.tag.clone());
        version.files.insert(path.to_owned(), file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(keys: &[&str]) -> Vec<Listed> {
        let one = |key: &&str| Listed {
            key: (*key).to_owned(),
            size: 1,
            tag: Tag(format!("tag of {key}")),
        };
        keys.iter().map(one).collect()
    }

    #[test]
    fn only_numbers_are_versions() {
        let root = group(&listed(&[
            "README.md",
            "cat/10/model.onnx",
            "cat/2/golden/a.jpg",
            "cat/2/manifest.json",
            "cat/serving.json",
            "cat/latest/model.onnx",
            "cat/0/model.onnx",
            "cat/-1/model.onnx",
            "cat/.tmp/model.onnx",
            "cat/3/",
            "not a model/1/model.onnx",
            "index.json",
        ]));
        assert!(root.has_index);
        assert_eq!(root.odd, BTreeSet::from(["not a model".to_owned()]));
        let (name, cat) = root.models.first_key_value().expect("one model");
        assert_eq!((name.as_str(), root.models.len()), ("cat", 1));
        let versions: Vec<_> = cat.versions.keys().map(Version::to_string).collect();
        assert_eq!(versions, ["2", "10"]);
        assert_eq!(cat.odd, ["-1", "0", "latest"].map(str::to_owned).into());
        assert!(cat.desired.is_some());
        let two = cat.versions.values().next().expect("is there");
        assert!(two.manifest.is_some());
        assert_eq!(two.size(), 2);
    }

    #[test]
    fn any_change_of_a_file_changes_the_fingerprint() {
        let one = |keys: &[&str]| {
            let root = group(&listed(keys));
            let cat = root.models.into_values().next().expect("one model");
            cat.versions.into_values().next().expect("one version")
        };
        let version = one(&["cat/1/a", "cat/1/b"]);
        assert_eq!(
            version.fingerprint(),
            one(&["cat/1/a", "cat/1/b"]).fingerprint()
        );
        assert_ne!(version.fingerprint(), one(&["cat/1/a"]).fingerprint());
        let mut grown = version.clone();
        grown.files.get_mut("a").expect("is there").0 = 2;
        assert_ne!(version.fingerprint(), grown.fingerprint());
    }
}
