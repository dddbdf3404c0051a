//! The gRPC edge: extract, one use case, wrap.

mod catalog;
mod deadline;
mod model_service;
pub(crate) mod open_inference;
mod prediction;

use std::{future::Future, io, time::Duration};

use tokio::{net::TcpListener, sync::watch};
use tonic::{
    Status,
    codec::CompressionEncoding,
    transport::{Server, server::TcpIncoming},
};

use crate::{
    core_client::{CoreClient, ServableHandle},
    error::Problem,
    inference::{
        service::InferenceService,
        tensors::{TensorAnswer, TensorRequest},
    },
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
        status::status,
    },
    protocols::open_inference::infer::Bounds,
    serving::state::ModelStatus,
    telemetry::readiness::Readiness,
};

use catalog::CatalogService;
use model_service::Models;
use open_inference::OpenInference;
use prediction::Prediction;

/// How often a peer that says nothing is asked whether it lives, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What the services share.
#[derive(Clone, Debug)]
pub struct GrpcState {
    /// The use case behind every inference.
    pub service: InferenceService,
    /// Whether requests should be sent here.
    pub readiness: Readiness,
    /// What a request may cost.
    pub bounds: Bounds,
    /// Largest message, in bytes.
    pub message_bytes: usize,
    /// Whether the server is being stopped.
    pub stopped: watch::Receiver<bool>,
}

impl GrpcState {
    fn core(&self) -> &CoreClient {
        self.service.core()
    }

    /// Answers a request, and counts it by how it ended.
    async fn run(&self, request: TensorRequest) -> Result<TensorAnswer, Problem> {
        let asked = request.model.clone();
        let work = self.service.run(request);
        self.service
            .counted(&asked, work, |problem| problem.code)
            .await
    }

    /// A model, and the version of it that is named.
    fn model(&self, name: &str, version: &str) -> Result<(ModelStatus, ServableHandle), Status> {
        let found = open_inference::codec::spec(name, version).and_then(|spec| {
            let servable = self.core().servable(&spec.name, &spec.version)?;
            Ok((self.core().model(&spec.name)?, servable))
        });
        found.map_err(|problem| status(&problem))
    }
}

/// Serves until `stopped` is done; then calls that are being worked on are given time to end.
///
/// # Errors
/// When the port is lost.
pub async fn serve(
    listener: TcpListener,
    state: GrpcState,
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
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .tcp_nodelay(true)
        .add_service(inference)
        .add_service(prediction)
        .add_service(ModelServiceServer::new(Models(state.clone())))
        .add_service(CatalogServer::new(CatalogService(state)))
        .add_service(health_service)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            stopped,
        );
    tokio::select! {
        served = server => served.map_err(io::Error::other),
        () = reporting => Ok(()),
    }
}
