//! Another configuration, taken over while a server goes on.

use std::sync::Arc;

use tracing::{info, warn};
use tracing_subscriber::filter::ParseError;

use crate::{
    access::{
        gate::Gate,
        policy::{Policy, PolicyError},
    },
    config::{Change, Config},
    telemetry::logs::{self, LogFilter},
    transport::ServerTls,
};

use super::live::Live;

/// Why a configuration is not taken over. Then nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum NotReloaded {
    /// Who is let in cannot be read.
    #[error(transparent)]
    Access(#[from] PolicyError),
    /// What is logged does not parse.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
}

/// Takes over other values of settings.
#[derive(Debug)]
pub struct Reloader {
    /// What the server was started with.
    started: Config,
    /// What was taken over last.
    current: Config,
    gate: Gate,
    live: Live,
    tls: Vec<Arc<ServerTls>>,
    log: LogFilter,
}

impl Reloader {
    pub(super) fn new(
        config: &Config,
        gate: Gate,
        live: Live,
        tls: Vec<Arc<ServerTls>>,
        log: LogFilter,
    ) -> Self {
        Self {
            started: config.clone(),
            current: config.clone(),
            gate,
            live,
            tls,
            log,
        }
    }

    /// Takes over what can be, says what it was and what will count at the next start only, and
    /// reads keys and certificates anew.
    ///
    /// # Errors
    /// When it cannot be followed. Then nothing has changed.
    pub async fn reload(&mut self, config: Config) -> Result<(), NotReloaded> {
        let filter = logs::filter(&config.log)?;
        let before = self.gate.policy();
        let policy = Policy::open(&config.access, Some(&before)).await?;
        self.gate.replace(policy);
        self.live.set(&config);
        self.log.set(filter);
        for tls in &self.tls {
            tls.renew();
        }
        for setting in self.current.differences(&config) {
            if setting.change == Change::AtOnce {
                info!(setting = setting.key, "setting taken over");
            }
        }
        for setting in self.started.differences(&config) {
            if setting.change == Change::AtStart {
                warn!(
                    setting = setting.key,
                    "setting takes effect at the next start"
                );
            }
        }
        self.current = config;
        Ok(())
    }
}
