use std::{io, path::PathBuf};

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object, or no such root.
    #[error("{0} is not there")]
    NotFound(String),
    /// The store does not allow it.
    #[error("{key}: access denied: {reason}")]
    Denied {
        /// The object, or the root.
        key: String,
        /// What the store said.
        reason: String,
    },
    /// The object is not, or not any more, in the state that the call requires.
    #[error("{0} was changed by somebody else in the meantime")]
    Changed(String),
    /// The object is larger than the caller allows.
    #[error("{key} has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// The object.
        key: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The object's body ended early, or has another length than expected.
    #[error("{key} has {size} bytes, {expected} were expected")]
    Length {
        /// The object.
        key: String,
        /// Bytes that came.
        size: u64,
        /// Bytes that were expected.
        expected: u64,
    },
    /// The store could not be reached, took too long, or failed.
    #[error("{key}: {reason}")]
    Unavailable {
        /// The object, or the root.
        key: String,
        /// What happened, in one line.
        reason: String,
    },
    /// A file of this machine could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}
