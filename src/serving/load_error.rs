//! Why a version could not be loaded.

use std::path::{Path, PathBuf};

use crate::{
    engine::EngineError,
    model::{contract::ContractFaults, digest::Digest, key::KeyError, labels::LabelsError},
    postprocess::error::DecodeError,
    preprocess::PictureError,
    storage::StoreError,
};

use super::{ServeError, resources::Shortage};

/// Why a version could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of the version's folder could not be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The store could not be reached, or does not have what the manifest lists.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A path of the manifest makes no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file is not the one that was published.
    #[error("{path} is corrupt: its digest is {found}, the manifest says {expected}")]
    Digest {
        /// The file.
        path: String,
        /// What the manifest says.
        expected: Digest,
        /// What was read.
        found: Digest,
    },
    /// A file was corrupt before.
    #[error(
        "{reason}; it is left alone until its files are others, remove {} to have it tried again",
        note.display()
    )]
    Quarantined {
        /// The note of it.
        note: PathBuf,
        /// What was corrupt.
        reason: String,
    },
    /// A file has another size than was published.
    #[error("{path} has {found} bytes, the manifest says {expected}")]
    Size {
        /// The file.
        path: String,
        /// What the manifest says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The version is larger than the whole cache.
    #[error("its files have {needed} bytes, the cache holds {limit} (cache.bytes)")]
    CacheTooSmall {
        /// Bytes of the version.
        needed: u64,
        /// Bytes of the cache.
        limit: u64,
    },
    /// The cache's disk is full or broken.
    #[error("the cache cannot write {}: {error}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// There is not enough memory for it.
    #[error("not loaded, for lack of memory: {0}")]
    Memory(Shortage),
    /// Loading it ended the process before.
    #[error(
        "loading it ended the process {loads} times, so it is left alone; remove {} to have it \
         tried again", note.display()
    )]
    Fatal {
        /// The note of those loads.
        note: PathBuf,
        /// How many there were.
        loads: u32,
    },
    /// The contract has faults, or does not fit the graph.
    #[error(transparent)]
    Contract(#[from] ContractFaults),
    /// The list of labels has a fault.
    #[error("{file}: {error}")]
    Labels {
        /// The file.
        file: String,
        /// The fault.
        error: LabelsError,
    },
    /// The list of labels has another length than the model has classes.
    #[error("{file} has {labels} lines, the model has {classes} classes")]
    LabelCount {
        /// The file.
        file: String,
        /// Lines in it.
        labels: usize,
        /// Classes of the model.
        classes: u64,
    },
    /// The engine refused the model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The first run failed, before any request could meet it.
    #[error("the warm-up run of {batch} failed: {error}")]
    WarmUp {
        /// Pictures in the run.
        batch: usize,
        /// What failed.
        error: ServeError,
    },
    /// The first run gave an answer that cannot be decoded.
    #[error("the warm-up run's answer cannot be decoded: {0}")]
    WarmUpAnswer(#[source] DecodeError),
    /// A golden answer cannot be read.
    #[error("{file}: {reason}")]
    GoldenFile {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A golden picture cannot be read.
    #[error("golden/{file}: {error}")]
    GoldenPicture {
        /// The picture.
        file: String,
        /// What is wrong with it.
        error: PictureError,
    },
    /// A golden picture got another answer than it must.
    #[error("golden answer missed: {0}")]
    Golden(String),
    /// The loader's thread ended without a result.
    #[error("the load was lost")]
    Lost,
}

impl LoadError {
    /// The reason as metrics name it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "missing_file",
            Self::Store(StoreError::NotFound(_)) => "missing_file",
            Self::Store(StoreError::Length { .. }) | Self::Size { .. } => "wrong_size",
            Self::Store(_) => "storage",
            Self::Key(_) => "manifest",
            Self::Digest { .. } | Self::Quarantined { .. } => "wrong_digest",
            Self::CacheTooSmall { .. } | Self::Disk { .. } => "disk",
            Self::Memory(_) => "memory",
            Self::Fatal { .. } => "fatal",
            Self::Contract(_) | Self::Labels { .. } | Self::LabelCount { .. } => "contract",
            Self::Engine(_) => "engine",
            Self::WarmUp { .. } | Self::WarmUpAnswer(_) => "warm_up",
            Self::GoldenFile { .. } | Self::GoldenPicture { .. } | Self::Golden(_) => "golden",
            Self::Lost => "lost",
        }
    }

    /// The file that keeps the version from being tried again for as long as it is there.
    #[must_use]
    pub fn note(&self) -> Option<&Path> {
        if let Self::Quarantined { note, .. } | Self::Fatal { note, .. } = self {
            Some(note)
        } else {
            None
        }
    }

    /// Whether the cause lies outside the version, so that trying again is worth while for as
    /// long as the cause lasts.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => match error {
                StoreError::Denied { .. }
                | StoreError::Unavailable { .. }
                | StoreError::Changed(_)
                | StoreError::NotFound(_)
                | StoreError::File { .. } => true,
                StoreError::TooLarge { .. } | StoreError::Length { .. } => false,
            },
            Self::Memory(_) | Self::Disk { .. } => true,
            Self::Read { .. }
            | Self::Key(_)
            | Self::Digest { .. }
            | Self::Quarantined { .. }
            | Self::Size { .. }
            | Self::CacheTooSmall { .. }
            | Self::Fatal { .. }
            | Self::Contract(_)
            | Self::Labels { .. }
            | Self::LabelCount { .. }
            | Self::Engine(_)
            | Self::WarmUp { .. }
            | Self::WarmUpAnswer(_)
            | Self::GoldenFile { .. }
            | Self::GoldenPicture { .. }
            | Self::Golden(_)
            | Self::Lost => false,
        }
    }
}
