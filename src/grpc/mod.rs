//! The gRPC edge: extract, one use case, wrap.

mod admit;
mod answered;
mod catalog;
mod deadline;
mod guard;
mod message;
mod model_service;
pub(crate) mod open_inference;
mod prediction;
mod received;
mod shown;

use std::{future::Future, io, time::Duration};

use tokio::{net::TcpListener, sync::watch};
use tonic::{codec::CompressionEncoding, service::Routes};
use tower::Layer as _;

use crate::{
    access::gate::Gate,
    core_client::CoreClient,
    inference::{memory::MemoryBudget, service::InferenceService},
    proto::{
        DESCRIPTORS,
        generated::{
            inference::grpc_inference_service_server::GrpcInferenceServiceServer,
            ocellus::catalog_server::CatalogServer,
            tensorflow::serving::{
                model_service_server::ModelServiceServer,
                prediction_service_server::PredictionServiceServer,
            },
        },
    },
    telemetry::readiness::Readiness,
    transport::{self, Transport},
};

use admit::AdmitLayer;
use catalog::CatalogService;
use model_service::Models;
use open_inference::OpenInference;
use prediction::Prediction;

/// What the services share.
#[derive(Clone, Debug)]
pub struct GrpcState {
    /// The use case behind every inference.
    pub service: InferenceService,
    /// Who is let in.
    pub gate: Gate,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
    /// What a request may cost, at the moment.
    pub limits: watch::Receiver<CallLimits>,
    /// Largest message, in bytes.
    pub message_bytes: usize,
    /// Memory for the messages of all calls, which they share with other requests.
    pub uploads: MemoryBudget,
    /// Memory for the messages of gateways, which hold theirs to limits of their own.
    pub relayed: MemoryBudget,
    /// Whether the server is being stopped.
    pub stopped: watch::Receiver<bool>,
}

/// What a call may cost at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Its time.
    pub longest: Duration,
    /// Its pictures.
    pub pictures: usize,
}

impl GrpcState {
    /// What a request may cost that begins now.
    fn limits(&self) -> CallLimits {
        *self.limits.borrow()
    }

    fn core(&self) -> &CoreClient {
        self.service.core()
    }
}

/// Serves until `stopped` is done; then calls that are being worked on are given time to end.
///
/// # Errors
/// When the messages cannot be described to clients, or the last connections are lost.
pub async fn serve(
    listener: TcpListener,
    state: GrpcState,
    transport: Transport,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Clients of both generations are about.
    let reflection_v1 = reflection().build_v1().map_err(io::Error::other)?;
    let reflection_v1alpha = reflection().build_v1alpha().map_err(io::Error::other)?;
    let limit = state.message_bytes;
    let inference = GrpcInferenceServiceServer::new(OpenInference(state.clone()))
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Deflate);
    let prediction = PredictionServiceServer::new(Prediction(state.clone()))
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Deflate);
    let reporting = catalog::report_health(state.clone(), health);
    let gate = AdmitLayer::new(state.clone(), transport.connections);
    let routes = Routes::new(inference)
        .add_service(prediction)
        .add_service(ModelServiceServer::new(Models(state.clone())))
        .add_service(CatalogServer::new(CatalogService(state)))
        .add_service(health_service)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .prepare();
    tokio::select! {
        served = transport::serve(listener, gate.layer(routes), transport, stopped) => served,
        () = reporting => Ok(()),
    }
}
