//! What the edges allow, out of the configuration.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::Semaphore;

use crate::{
    access::gate::Gate,
    config::Config,
    http::{ApiState, Edge, EdgeLimits, Tls},
    inference::{
        memory::MemoryBudget,
        service::{InferenceService, ServiceLimits},
    },
};

use super::{core::image_limits, error::AppError};

pub(super) fn api_state(config: &Config, service: InferenceService, gate: Gate) -> ApiState {
    let limits = &config.limits;
    ApiState {
        service,
        gate,
        trusted_proxies: config.http.trusted_proxies.clone().into(),
        limits: EdgeLimits {
            body_bytes: limits.body_bytes,
            images: limits.images,
            deadline: limits.deadline,
            uploads: MemoryBudget::new(limits.upload_bytes),
            places: Arc::new(Semaphore::new(limits.requests)),
        },
        cors_origins: config.http.cors_origins.clone().into(),
    }
}

/// How much the use case takes on.
#[must_use]
pub const fn service_limits(config: &Config) -> ServiceLimits {
    let limits = &config.limits;
    ServiceLimits {
        decodes: limits.decodes,
        decode_bytes: limits.decode_bytes,
        tensor_bytes: limits.tensor_bytes,
        images: image_limits(config),
    }
}

pub(super) fn edge(config: &Config) -> Result<Edge, AppError> {
    let load = |(certificate, key): &(PathBuf, PathBuf)| {
        Tls::load(certificate.clone(), key.clone()).map(Arc::new)
    };
    Ok(Edge {
        head: config.http.head,
        connections: config.http.connections,
        tls: config.http.tls.as_ref().map(load).transpose()?,
    })
}
