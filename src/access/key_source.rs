//! The file of API keys, and the keys that were read of it last.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tracing::{error, info};

use super::{
    key_file::{self, KeyFileError, KeyRecords},
    keyring::Keyring,
};

/// How often the file is read anew. A key that is revoked ends within five seconds, which leaves
/// time for reading.
const REREAD: Duration = Duration::from_secs(1);

/// A file of keys.
#[derive(Debug)]
pub struct KeySource {
    path: PathBuf,
    ring: RwLock<Arc<Keyring>>,
}

impl KeySource {
    /// Reads a file; what was used of the keys that were known `before` stays used.
    ///
    /// # Errors
    /// When it does not hold keys.
    pub fn open(path: &Path, before: Option<&Self>) -> Result<Self, KeyFileError> {
        let before = before.map(Self::ring).unwrap_or_default();
        let ring = Keyring::of(key_file::read(path)?, &before);
        info!(keys = ring.len(), "keys read");
        Ok(Self {
            path: path.to_owned(),
            ring: RwLock::new(Arc::new(ring)),
        })
    }

    /// The keys that were read last.
    #[must_use]
    pub fn ring(&self) -> Arc<Keyring> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file anew, again and again, for ever. While it cannot be read, the keys that were
    /// read last hold.
    pub async fn follow(&self) {
        let mut last = String::new();
        loop {
            tokio::time::sleep(REREAD).await;
            let path = self.path.clone();
            let read = tokio::task::spawn_blocking(move || key_file::read(&path)).await;
            let fault = match read {
                Ok(Ok(records)) => {
                    self.replace(records);
                    String::new()
                }
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            if !fault.is_empty() && fault != last {
                error!(cause = fault, "keys cannot be read, those read last hold");
            }
            last = fault;
        }
    }

    fn replace(&self, records: KeyRecords) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let before = ring.len();
        *ring = Arc::new(Keyring::of(records, &ring));
        let keys = ring.len();
        drop(ring);
        if keys != before {
            info!(keys, "keys read");
        }
    }
}
