//! What may change while a server goes on, beside who is let in.

use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::watch;

use crate::{config::Config, grpc::CallLimits, http::EdgeLimits};

/// The values of settings that requests look up when they begin.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) limits: watch::Sender<EdgeLimits>,
    pub(super) calls: watch::Sender<CallLimits>,
    pub(super) trusted_proxies: watch::Sender<Arc<[IpNet]>>,
}

impl Live {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            limits: watch::Sender::new(limits(config)),
            calls: watch::Sender::new(calls(config)),
            trusted_proxies: watch::Sender::new(config.http.trusted_proxies.clone().into()),
        }
    }

    /// Counts for requests that begin from now on.
    pub(super) fn set(&self, config: &Config) {
        self.limits.send_replace(limits(config));
        self.calls.send_replace(calls(config));
        let proxies = config.http.trusted_proxies.clone();
        self.trusted_proxies.send_replace(proxies.into());
    }
}

const fn limits(config: &Config) -> EdgeLimits {
    let limits = &config.limits;
    EdgeLimits {
        body_bytes: limits.body_bytes,
        images: limits.images,
        deadline: limits.deadline,
    }
}

const fn calls(config: &Config) -> CallLimits {
    CallLimits {
        longest: config.limits.deadline,
        pictures: config.limits.images,
    }
}
