use std::path::PathBuf;

use crate::{
    model::{
        desired::DesiredError,
        index::IndexError,
        key::KeyError,
        manifest::ManifestError,
        name::{Label, ModelName, NameError, Version},
    },
    storage::StoreError,
};

/// Why a change to the models' root was not made.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The root cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of the folder cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file's name cannot be stored.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The files do not make a version.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The desired state that is there cannot be read.
    #[error(transparent)]
    Desired(#[from] DesiredError),
    /// The index that is there cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// There is no number left.
    #[error(transparent)]
    Number(#[from] NameError),
    /// The model would not serve as it is.
    #[error("it would not serve: {0}")]
    Unsound(String),
    /// The folder's versions are served as they lie, which an index would end.
    #[error(
        "{root} is a workbench: versions in it are served as they lie ({}), which an index.json \
         would end; publish into a folder of its own or a bucket, and change a workbench by hand",
        versions.join(", ")
    )]
    Workbench {
        /// The folder.
        root: String,
        /// Its versions, as `model/version`.
        versions: Vec<String>,
    },
    /// That version is there already.
    #[error(
        "{model} version {version} is published with other content, and a published version is \
         never overwritten; leave --version out for the next number"
    )]
    Sealed {
        /// The model.
        model: ModelName,
        /// The version.
        version: Version,
    },
    /// Another publisher took the version meanwhile.
    #[error("{model} version {version} was taken over by another publisher meanwhile")]
    TakenOver {
        /// The model.
        model: ModelName,
        /// The version.
        version: Version,
    },
    /// There is no such model.
    #[error("there is no model {0} there")]
    NoModel(ModelName),
    /// There is no such version.
    #[error("{model} has no published version {version}; there are {}", list(.there))]
    NoVersion {
        /// The model.
        model: ModelName,
        /// The version.
        version: Version,
        /// Those that are published.
        there: Vec<Version>,
    },
    /// There is nothing to go back to.
    #[error("{0} has no earlier version to go back to")]
    NothingBefore(ModelName),
    /// A label names the version.
    #[error("label {label} of {model} names version {version}; promote another version first")]
    Labelled {
        /// The model.
        model: ModelName,
        /// The version.
        version: Version,
        /// The label.
        label: Label,
    },
    /// Others changed the document every time.
    #[error("{0} was changed by others again and again; try once more")]
    Contended(String),
}

fn list(versions: &[Version]) -> String {
    let versions: Vec<_> = versions.iter().map(Version::to_string).collect();
    if versions.is_empty() {
        "none".to_owned()
    } else {
        versions.join(", ")
    }
}
