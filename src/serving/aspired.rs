//! What a source wants of the manager: for one model the full list of its versions, which
//! supersedes the list before.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{
    model::{
        desired::VersionPolicy,
        digest::Digest,
        manifest::Manifest,
        name::{Label, ModelName, Version},
    },
    storage::ObjectStore,
};

/// A model as its owner wants it.
#[derive(Clone, Debug, PartialEq)]
pub struct AspiredModel {
    /// The model.
    pub name: ModelName,
    /// Every version that is complete in storage.
    pub versions: Vec<AspiredVersion>,
    /// Which of them are wanted.
    pub policy: VersionPolicy,
    /// What labels name.
    pub labels: BTreeMap<Label, Version>,
    /// Versions that are in storage but cannot be loaded, each with the reason.
    pub held_back: BTreeMap<Version, HeldBack>,
    /// What else is wrong with the model's folder.
    pub faults: Vec<ModelFault>,
    /// The model was taken out of service by its owner.
    pub withdrawn: bool,
}

impl AspiredModel {
    /// A model without versions.
    #[must_use]
    pub fn new(name: ModelName) -> Self {
        Self {
            name,
            versions: Vec::new(),
            policy: VersionPolicy::Latest(1),
            labels: BTreeMap::new(),
            held_back: BTreeMap::new(),
            faults: Vec::new(),
            withdrawn: false,
        }
    }
}

impl PartialEq for AspiredVersion {
    /// By content: where the same files lie is of no matter.
    fn eq(&self, other: &Self) -> bool {
        (self.version, self.content) == (other.version, other.content)
    }
}

/// A version that is complete in storage.
#[derive(Clone, Debug)]
pub struct AspiredVersion {
    /// The version.
    pub version: Version,
    /// Changes whenever a file of the version does.
    pub content: Digest,
    /// Bytes of all files.
    pub size: u64,
    /// Where its files are.
    pub files: VersionFiles,
}

/// Where the files of a version are.
#[derive(Clone, Debug)]
pub enum VersionFiles {
    /// In a folder of this machine, as they lie: nobody sealed them.
    Folder(PathBuf),
    /// In a store, sealed by a manifest.
    Sealed {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The manifest.
        manifest: Arc<Manifest>,
    },
}

/// Why a version in storage is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldBack {
    /// It has no manifest: it is still being published, or its publisher was stopped.
    Pending,
    /// Its manifest is at fault.
    Manifest(String),
    /// A file that its manifest lists is not there.
    Missing(String),
    /// A file has another size than its manifest lists.
    Size {
        /// The file.
        path: String,
        /// What the manifest says.
        expected: u64,
        /// What lies there.
        found: u64,
    },
}

impl HeldBack {
    /// The reason in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Pending => {
                "pending: it has no manifest.json yet, so its upload is not complete".to_owned()
            }
            Self::Manifest(fault) => fault.clone(),
            Self::Missing(path) => format!("{path} is not there, the manifest lists it"),
            Self::Size {
                path,
                expected,
                found,
            } => format!("{path} has {found} bytes, the manifest says {expected}"),
        }
    }

    /// The reason as metrics name it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Pending => "no_manifest",
            Self::Manifest(_) => "manifest",
            Self::Missing(_) => "missing_file",
            Self::Size { .. } => "wrong_size",
        }
    }
}

/// A fault of a model's folder that is no version's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelFault {
    /// A folder that is not named like a version.
    NotAVersion(String),
    /// A `serving.json` that cannot be read; the one before holds on.
    Desired(String),
}

impl ModelFault {
    /// The fault in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::NotAVersion(folder) => format!(
                "folder {folder:?} is no version: a version is a whole number from 1, without \
                 leading zeros"
            ),
            Self::Desired(reason) => format!("{reason}; the desired state before it holds on"),
        }
    }

    /// The fault as metrics name it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotAVersion(_) => "not_a_version",
            Self::Desired(_) => "desired_state",
        }
    }
}
