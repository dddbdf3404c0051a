//! What is read out of files, and read anew when they change.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tracing::{error, info};

/// How often it is looked whether the files changed.
const LOOK: Duration = Duration::from_secs(5);

/// What could be read last.
#[derive(Debug)]
pub(super) struct Renewed<T> {
    files: Vec<PathBuf>,
    current: RwLock<Arc<T>>,
}

impl<T> Renewed<T> {
    /// What these files hold now.
    pub(super) fn new(files: Vec<PathBuf>, read: T) -> Self {
        let current = RwLock::new(Arc::new(read));
        Self { files, current }
    }

    pub(super) fn current(&self) -> Arc<T> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Reads the files anew whenever they change, for ever.
    pub(super) async fn follow<E: fmt::Display>(&self, read: impl Fn() -> Result<T, E>) {
        let mut seen = self.stamps();
        loop {
            tokio::time::sleep(LOOK).await;
            let stamps = self.stamps();
            if stamps == seen {
                continue;
            }
            // The second of two files may not be there yet: it is tried again.
            if self.renew(read()) {
                seen = stamps;
            }
        }
    }

    /// Takes over what was read anew. Gives whether it could be.
    pub(super) fn renew<E: fmt::Display>(&self, read: Result<T, E>) -> bool {
        match read {
            Ok(renewed) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(renewed);
                info!(files = ?self.files, "TLS certificates renewed");
                true
            }
            Err(cause) => {
                error!(%cause, "the new TLS certificates are not used");
                false
            }
        }
    }

    fn stamps(&self) -> Vec<Option<SystemTime>> {
        let stamp = |path: &PathBuf| fs::metadata(path).ok()?.modified().ok();
        self.files.iter().map(stamp).collect()
    }
}
