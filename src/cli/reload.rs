//! The configuration, read anew on SIGHUP and when its file changed.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use tokio::signal::unix::Signal;
use tracing::{error, info};

use crate::app::Reloader;

use super::settings::{NoConfig, SettingArgs};

/// How often it is looked whether the file changed. It has to look the same twice: one that is
/// being written is not read.
const LOOK: Duration = Duration::from_secs(2);

/// By what it is seen that a file changed.
type Stamp = (u64, u64, SystemTime);

/// The settings of a process, and their file as it was when they were read.
pub(super) struct Followed {
    settings: SettingArgs,
    seen: Option<Stamp>,
    had_file: bool,
}

impl Followed {
    pub(super) fn new(settings: SettingArgs) -> Self {
        let seen = stamp(settings.path());
        Self {
            settings,
            seen,
            had_file: seen.is_some(),
        }
    }

    /// Done when the file has changed.
    async fn changed(&mut self) {
        let mut last = self.seen;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = stamp(self.settings.path());
            if now != self.seen && now == last {
                return;
            }
            last = now;
        }
    }

    async fn reload(&mut self, reloader: &mut Reloader) {
        let path = self.settings.path();
        self.seen = stamp(path);
        let file = path.display();
        // Without its file it would be another configuration: with no keys asked for, perhaps.
        if self.had_file && self.seen.is_none() {
            return error!(%file, "the configuration file is gone, what was read last holds");
        }
        let config = match self.settings.clone().read() {
            Ok(config) => config,
            Err(NoConfig::Faults(faults)) => {
                for fault in faults.0 {
                    error!(
                        fault,
                        "the configuration has a fault, what was read last holds"
                    );
                }
                return;
            }
            Err(NoConfig::File { error: cause, .. }) => {
                return error!(%file, %cause, "the configuration cannot be read, what was read last holds");
            }
        };
        match reloader.reload(config).await {
            Ok(()) => info!("configuration read anew"),
            Err(fault) => {
                return error!(%fault, "the configuration has a fault, what was read last holds");
            }
        }
        self.had_file = self.seen.is_some();
    }
}

/// Reads the configuration anew again and again, for ever.
pub(super) async fn follow(mut followed: Followed, mut hangup: Signal, mut reloader: Reloader) {
    loop {
        tokio::select! {
            _ = hangup.recv() => (),
            () = followed.changed() => (),
        }
        followed.reload(&mut reloader).await;
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some((file.ino(), file.len(), file.modified().ok()?))
}
