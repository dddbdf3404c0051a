//! What is read out of files, and read anew when they change.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use tokio::sync::watch;
use tracing::{error, info};

/// How often it is looked whether the files changed.
const LOOK: Duration = Duration::from_secs(5);

/// What could be read last.
#[derive(Debug)]
pub(super) struct Renewed<T> {
    what: &'static str,
    files: Vec<PathBuf>,
    current: RwLock<Arc<T>>,
    news: watch::Sender<()>,
}

impl<T> Renewed<T> {
    /// What these files hold now; the log calls it `what`.
    pub(super) fn new(what: &'static str, files: Vec<PathBuf>, read: T) -> Self {
        let current = RwLock::new(Arc::new(read));
        Self {
            what,
            files,
            current,
            news: watch::Sender::new(()),
        }
    }

    pub(super) fn current(&self) -> Arc<T> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Changes once something else was read.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Reads the files anew whenever they change, for ever.
    pub(super) async fn follow<E: fmt::Display>(&self, read: impl Fn() -> Result<T, E>) {
        let (mut seen, mut last) = (self.stamps(), String::new());
        loop {
            tokio::time::sleep(LOOK).await;
            let stamps = self.stamps();
            if stamps == seen {
                continue;
            }
            // The second of two files may not be there yet: it is tried again.
            last = match read() {
                Ok(renewed) => {
                    self.replace(renewed);
                    seen = stamps;
                    String::new()
                }
                Err(cause) => {
                    let fault = cause.to_string();
                    if fault != last {
                        self.refuse(&fault);
                    }
                    fault
                }
            };
        }
    }

    /// Takes over what was read anew at somebody's word, or says why not.
    pub(super) fn renew<E: fmt::Display>(&self, read: Result<T, E>) {
        match read {
            Ok(renewed) => self.replace(renewed),
            Err(cause) => self.refuse(&cause.to_string()),
        }
    }

    fn replace(&self, renewed: T) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(renewed);
        self.news.send_replace(());
        info!(what = self.what, files = ?self.files, "changed files taken over");
    }

    fn refuse(&self, cause: &str) {
        error!(
            what = self.what,
            cause, "changed files cannot be used, what was read last holds"
        );
    }

    fn stamps(&self) -> Vec<Option<SystemTime>> {
        let stamp = |path: &PathBuf| fs::metadata(path).ok()?.modified().ok();
        self.files.iter().map(stamp).collect()
    }
}
