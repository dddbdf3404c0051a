//! The service of the Open Inference Protocol, with Triton's additions.

pub(crate) mod codec;

use std::{collections::BTreeMap, pin::Pin};

use futures_util::{Stream, StreamExt as _};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    error::{ErrorCode, Problem},
    proto::{
        generated::inference::{
            ModelConfigRequest, ModelConfigResponse, ModelInferRequest, ModelInferResponse,
            ModelMetadataRequest, ModelMetadataResponse, ModelReadyRequest, ModelReadyResponse,
            ModelStatisticsRequest, ModelStatisticsResponse, ModelStreamInferResponse,
            RepositoryIndexRequest, RepositoryIndexResponse, RepositoryModelLoadRequest,
            RepositoryModelLoadResponse, RepositoryModelUnloadRequest,
            RepositoryModelUnloadResponse, ServerLiveRequest, ServerLiveResponse,
            ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
            grpc_inference_service_server::GrpcInferenceService,
        },
        status::status,
    },
    protocols::open_inference::{
        describe,
        infer::{Bounds, MAX_ID},
    },
};

use super::{CallLimits, GrpcState, deadline, guard::Guarded};
use codec::spec;

type Answers = Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

/// The service.
#[derive(Clone, Debug)]
pub(super) struct OpenInference(pub(super) GrpcState);

async fn answer(
    server: &Guarded,
    message: ModelInferRequest,
    limits: CallLimits,
) -> Result<ModelInferResponse, Problem> {
    let id = message.id.clone();
    let call = codec::call(message)?;
    let bounds = Bounds {
        claim: server.claim(call.wish()?, limits.longest)?,
        pictures: limits.pictures,
    };
    let (request, wanted) = call.request(bounds)?;
    let answer = server.run(request).await?;
    let response = codec::response(id, answer, &wanted)?;
    server.hold(response.encoded_len())?;
    Ok(response)
}

#[tonic::async_trait]
impl GrpcInferenceService for OpenInference {
    async fn server_live(
        &self,
        _: Request<ServerLiveRequest>,
    ) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(
        &self,
        _: Request<ServerReadyRequest>,
    ) -> Result<Response<ServerReadyResponse>, Status> {
        let ready = self.0.readiness.is_ready();
        Ok(Response::new(ServerReadyResponse { ready }))
    }

    async fn model_ready(
        &self,
        request: Request<ModelReadyRequest>,
    ) -> Result<Response<ModelReadyResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let ModelReadyRequest { name, version } = request.into_inner();
        let spec = spec(&name, &version).map_err(|problem| status(&problem))?;
        let ready = match server.servable(&spec) {
            Ok(_) => true,
            Err(problem) if problem.code == ErrorCode::ModelNotReady => false,
            Err(problem) => return Err(status(&problem)),
        };
        Ok(Response::new(ModelReadyResponse { ready }))
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(describe::server()))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let ModelMetadataRequest { name, version } = request.into_inner();
        let (model, servable) = server.version(&name, &version)?;
        Ok(Response::new(describe::metadata(&model, &servable.version)))
    }

    async fn model_infer(
        &self,
        request: Request<ModelInferRequest>,
    ) -> Result<Response<ModelInferResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let longest = deadline::longest(request.metadata(), self.0.limits().longest)?;
        let limits = CallLimits {
            longest,
            ..self.0.limits()
        };
        let answered = answer(&server, request.into_inner(), limits).await;
        answered
            .map(Response::new)
            .map_err(|problem| status(&problem))
    }

    type ModelStreamInferStream = Answers;

    async fn model_stream_infer(
        &self,
        request: Request<Streaming<ModelInferRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let (call, limits) = (self.0.streamed(&request)?, self.0.limits());
        let answers = request.into_inner().then(move |message| {
            let call = call.clone();
            async move {
                let message = message?;
                let mut id = message.id.clone();
                if MAX_ID < id.len() {
                    id.clear();
                }
                let answered = match call.message().await {
                    Ok(server) => answer(&server, message, limits).await,
                    Err(problem) if problem.code == ErrorCode::Unauthenticated => {
                        return Err(status(&problem));
                    }
                    Err(problem) => Err(problem),
                };
                Ok(match answered {
                    Ok(answer) => ModelStreamInferResponse {
                        error_message: String::new(),
                        infer_response: Some(answer),
                    },
                    Err(problem) => ModelStreamInferResponse {
                        error_message: status(&problem).message().to_owned(),
                        infer_response: Some(ModelInferResponse {
                            id,
                            ..ModelInferResponse::default()
                        }),
                    },
                })
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn model_config(
        &self,
        request: Request<ModelConfigRequest>,
    ) -> Result<Response<ModelConfigResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let ModelConfigRequest { name, version } = request.into_inner();
        let (_, servable) = server.version(&name, &version)?;
        let config = Some(describe::config(&servable.version));
        Ok(Response::new(ModelConfigResponse { config }))
    }

    async fn model_statistics(
        &self,
        request: Request<ModelStatisticsRequest>,
    ) -> Result<Response<ModelStatisticsResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let ModelStatisticsRequest { name, version } = request.into_inner();
        if !name.is_empty() {
            server.version(&name, &version)?;
        }
        let stats = server.statistics().await;
        let wanted = stats.into_iter().filter(|stats| {
            (name.is_empty() || stats.name == name)
                && (version.is_empty() || stats.version == version)
        });
        let model_stats = wanted.collect();
        Ok(Response::new(ModelStatisticsResponse { model_stats }))
    }

    async fn repository_index(
        &self,
        request: Request<RepositoryIndexRequest>,
    ) -> Result<Response<RepositoryIndexResponse>, Status> {
        let models = describe::index(&self.0.seen_by(&request)?.models(), request.get_ref().ready);
        Ok(Response::new(RepositoryIndexResponse { models }))
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> Result<Response<RepositoryModelLoadResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let RepositoryModelLoadRequest {
            model_name,
            parameters,
            ..
        } = request.into_inner();
        let given: BTreeMap<_, _> = parameters.into_iter().collect();
        describe::check_load(given.keys()).map_err(|problem| status(&problem))?;
        let name = spec(&model_name, "")
            .map_err(|problem| status(&problem))?
            .name;
        let loaded = server.load(&name).await;
        loaded.map_err(|problem| status(&problem))?;
        Ok(Response::new(RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Result<Response<RepositoryModelUnloadResponse>, Status> {
        let name = spec(&request.get_ref().model_name, "");
        let name = name.map_err(|problem| status(&problem))?.name;
        let unloaded = self.0.seen_by(&request)?.unload(&name).await;
        unloaded.map_err(|problem| status(&problem))?;
        Ok(Response::new(RepositoryModelUnloadResponse {}))
    }
}
