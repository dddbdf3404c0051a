//! The manifest of a version: every file with its size and digest. It is written last, so that a
//! version with a manifest is complete.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    key::{Key, KeyError},
    name::{ModelName, Version},
};

/// The manifest's file name in a version's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Largest manifest, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// Most files of a version.
const MAX_FILES: usize = 4096;

/// Files that every version has.
const REQUIRED: [&str; 2] = ["model.onnx", "model.toml"];

/// The files of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    schema: u32,
    /// The model that the version belongs to.
    pub model: ModelName,
    /// The version.
    pub version: Version,
    /// Every file but the manifest, by path.
    pub files: Vec<ManifestFile>,
}

/// One file of a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Path within the version's folder.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: Digest,
}

/// What is wrong with a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Not JSON, or not of this shape.
    #[error("manifest.json cannot be read: {0}")]
    Unreadable(String),
    /// Written by a newer Ocellus.
    #[error("manifest.json has schema {0}, this server reads schema 1")]
    Schema(u32),
    /// It is another version's.
    #[error("manifest.json is that of {found}, this is {expected}")]
    Foreign {
        /// Model and version that it names.
        found: String,
        /// Model and version whose folder it lies in.
        expected: String,
    },
    /// A path leads out of the version's folder or is odd.
    #[error("manifest.json: files: {0}")]
    Path(#[from] KeyError),
    /// A file is listed twice.
    #[error("manifest.json lists {0} twice")]
    Twice(String),
    /// A file that every version has is not listed.
    #[error("manifest.json lists no {0}")]
    Missing(&'static str),
    /// Too many files.
    #[error("manifest.json lists {0} files, at most {MAX_FILES} are allowed")]
    TooMany(usize),
}

impl Manifest {
    /// The manifest of these files.
    ///
    /// # Errors
    /// When the files cannot make a version.
    pub fn new(
        model: ModelName,
        version: Version,
        mut files: Vec<ManifestFile>,
    ) -> Result<Self, ManifestError> {
        files.sort();
        let manifest = Self {
            schema: 1,
            model,
            version,
            files,
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// Reads the manifest that lies in the folder of a model's version.
    ///
    /// # Errors
    /// When it is no manifest, or not this version's.
    pub fn parse(bytes: &[u8], model: &ModelName, version: Version) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| ManifestError::Unreadable(error.to_string()))?;
        if (&manifest.model, manifest.version) != (model, version) {
            return Err(ManifestError::Foreign {
                found: format!("{} version {}", manifest.model, manifest.version),
                expected: format!("{model} version {version}"),
            });
        }
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.schema != 1 {
            return Err(ManifestError::Schema(self.schema));
        }
        if MAX_FILES < self.files.len() {
            return Err(ManifestError::TooMany(self.files.len()));
        }
        let mut paths = BTreeSet::new();
        for file in &self.files {
            file.path.parse::<Key>()?;
            if !paths.insert(file.path.as_str()) {
                return Err(ManifestError::Twice(file.path.clone()));
            }
        }
        match REQUIRED.iter().find(|path| !paths.contains(**path)) {
            Some(missing) => Err(ManifestError::Missing(missing)),
            None => Ok(()),
        }
    }

    /// The manifest as it is stored.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no manifest that was checked brings about.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| ManifestError::Unreadable(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The file at a path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ManifestFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.files
            .iter()
            .fold(0, |sum, file| sum.saturating_add(file.size))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sound() -> Value {
        let file = |path: &str| json!({ "path": path, "size": 3, "sha256": Digest::of(b"abc") });
        json!({
            "schema": 1, "model": "cat", "version": 2,
            "files": [file("labels.txt"), file("model.onnx"), file("model.toml")],
        })
    }

    fn parse(value: &Value) -> Result<Manifest, ManifestError> {
        let (cat, two) = (
            "cat".parse().expect("a name"),
            "2".parse().expect("a version"),
        );
        Manifest::parse(value.to_string().as_bytes(), &cat, two)
    }

    #[test]
    fn a_manifest_is_read_as_it_is_written() {
        let manifest = parse(&sound()).expect("is sound");
        assert_eq!(manifest.size(), 9);
        let bytes = manifest.to_bytes().expect("writes");
        let again = Manifest::parse(&bytes, &manifest.model, manifest.version);
        assert_eq!(again, Ok(manifest));
    }

    #[test]
    fn each_fault_is_named() {
        let check = |pointer: &str, value: Value, reason: &str| {
            let mut manifest = sound();
            *manifest.pointer_mut(pointer).expect("is there") = value;
            let error = parse(&manifest).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error} lacks {reason}");
        };
        check("/schema", json!(2), "schema 2");
        check(
            "/model",
            json!("dog"),
            "is that of dog version 2, this is cat version 2",
        );
        check("/version", json!(3), "is that of cat version 3");
        check("/version", json!(0), "a version is a whole number");
        check("/files/0/path", json!("../up"), "not a path");
        check("/files/0/path", json!("/etc/passwd"), "not a path");
        check(
            "/files/0/path",
            json!("model.onnx"),
            "lists model.onnx twice",
        );
        check("/files/1/path", json!("other.onnx"), "lists no model.onnx");
        check("/files/1/size", json!(-1), "cannot be read");
        check("/files/1/sha256", json!("abc"), "64 hexadecimal digits");
        check("/files", json!("x"), "cannot be read");
    }
}
