//! What handlers and layers share.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use tokio::sync::watch;

use crate::{
    access::gate::Gate,
    fairness::{claim::Tenant, places::Places},
    fetch::fetcher::Fetcher,
    inference::{memory::MemoryBudget, service::InferenceService},
    telemetry::readiness::Readiness,
};

/// What handlers share.
#[derive(Clone, Debug)]
pub struct ApiState {
    /// The use case behind every inference.
    pub service: InferenceService,
    /// Who is let in.
    pub gate: Gate,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
    /// Proxies that are believed where a request came from, at the moment.
    pub trusted_proxies: watch::Receiver<Arc<[IpNet]>>,
    /// What a request may cost, at the moment.
    pub limits: watch::Receiver<EdgeLimits>,
    /// Memory for the bodies of all requests.
    pub uploads: MemoryBudget,
    /// Places for requests that are received at the same time.
    pub receive: Places<Tenant>,
    /// Places for requests that are worked on at the same time.
    pub places: Places<Tenant>,
    /// What fetches pictures by their URL; `None` where that is not allowed.
    pub fetcher: Option<Fetcher>,
    /// Origins whose pages may call the API.
    pub cors_origins: Arc<[String]>,
}

impl ApiState {
    /// What a request may cost that begins now.
    pub(super) fn limits(&self) -> EdgeLimits {
        *self.limits.borrow()
    }

    /// Proxies that are believed now.
    pub(super) fn trusted_proxies(&self) -> Arc<[IpNet]> {
        Arc::clone(&self.trusted_proxies.borrow())
    }
}

/// What a request may cost at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Largest body, in bytes.
    pub body_bytes: usize,
    /// Most pictures in one request.
    pub images: usize,
    /// Longest time for a request.
    pub deadline: Duration,
}

/// The id of a request: in its answer, its problem, its log lines and the `x-request-id` header.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);
