//! What the edges allow, out of the configuration.

use std::sync::Arc;

use crate::{
    access::gate::Gate,
    config::{Config, Fetch, TlsFiles},
    fairness::places::Places,
    fetch::{
        fetcher::{FetchLimits, Fetcher, Pace},
        url::UrlPolicy,
    },
    http::ApiState,
    inference::{
        memory::MemoryBudget,
        service::{InferenceService, ServiceLimits},
    },
    provider,
    telemetry::{metrics::Metrics, readiness::Readiness},
    transport::{Protocols, ServerTls, Transport},
};

use super::{Role, core::image_limits, error::AppError, live::Live};

pub(super) fn api_state(
    config: &Config,
    (service, gate, uploads, readiness): (InferenceService, Gate, MemoryBudget, Readiness),
    live: &Live,
    metrics: &Arc<Metrics>,
) -> Result<ApiState, AppError> {
    let limits = &config.limits;
    Ok(ApiState {
        fetcher: fetcher(config, uploads.clone(), metrics)?,
        service,
        gate,
        readiness,
        trusted_proxies: live.trusted_proxies.subscribe(),
        limits: live.limits.subscribe(),
        uploads,
        receive: Places::new(config.http.connections),
        places: Places::new(limits.requests),
        cors_origins: config.http.cors_origins.clone().into(),
    })
}

/// What fetches pictures by their URL, where that is allowed.
fn fetcher(
    config: &Config,
    memory: MemoryBudget,
    metrics: &Arc<Metrics>,
) -> Result<Option<Fetcher>, AppError> {
    let Fetch {
        schemes: Some(schemes),
        networks,
        ports,
        timeout,
        concurrent,
    } = config.fetch.clone()
    else {
        return Ok(None);
    };
    let policy = UrlPolicy {
        schemes,
        ports: ports.into(),
        networks: networks.into(),
    };
    let limits = FetchLimits {
        bytes: config.limits.body_bytes,
        timeout,
        pace: Pace::default(),
        concurrent,
        memory,
    };
    Ok(Some(Fetcher::new(policy, limits, Arc::clone(metrics))?))
}

/// How much the use case takes on. Where models run beside it on the processor, that is what callers
/// share; a device takes many at a time, and a core has lines of its own.
#[must_use]
pub fn service_limits(config: &Config, role: Role) -> ServiceLimits {
    let limits = &config.limits;
    let elsewhere = role == Role::Gateway || provider::on_device(&config.providers);
    ServiceLimits {
        at_work: (!elsewhere).then_some(limits.decodes),
        decodes: limits.decodes,
        decode_bytes: limits.decode_bytes,
        tensor_bytes: limits.tensor_bytes,
        wait: limits.wait,
        images: image_limits(config),
    }
}

/// Most requests at a time on one connection of a client.
const CLIENT_STREAMS: u32 = 64;

/// Most calls at a time on one connection over gRPC, of which a gateway has one to each core.
const CALLS: u32 = 512;

/// Connections of an operator, of whom there are few, on a port that is not public.
const OPERATORS: usize = 256;

/// Connections of clients.
pub(super) fn clients(config: &Config) -> Result<Transport, AppError> {
    let protocols = Protocols::Any;
    Ok(Transport {
        protocols,
        head: config.http.head,
        connections: config.http.connections,
        streams: CLIENT_STREAMS,
        tls: tls(config.http.tls.as_ref(), protocols)?,
    })
}

/// Connections of gateways, and of other clients over gRPC.
pub(super) fn callers(config: &Config) -> Result<Transport, AppError> {
    let protocols = Protocols::Http2;
    Ok(Transport {
        protocols,
        head: config.http.head,
        connections: config.http.connections,
        streams: CALLS,
        tls: tls(config.grpc.tls.as_ref(), protocols)?,
    })
}

/// Connections of operators.
pub(super) const fn operators(config: &Config) -> Transport {
    Transport {
        protocols: Protocols::Any,
        head: config.http.head,
        connections: OPERATORS,
        streams: CLIENT_STREAMS,
        tls: None,
    }
}

fn tls(files: Option<&TlsFiles>, protocols: Protocols) -> Result<Option<Arc<ServerTls>>, AppError> {
    let load = |files: &TlsFiles| ServerTls::load(files.clone(), protocols).map(Arc::new);
    Ok(files.map(load).transpose()?)
}
