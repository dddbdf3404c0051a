//! TensorFlow Serving's `ModelService`.

use tonic::{Request, Response, Status};

use crate::{
    error::ErrorCode,
    proto::{
        generated::tensorflow::serving::{
            GetModelStatusRequest, GetModelStatusResponse, ReloadConfigRequest,
            ReloadConfigResponse, StatusProto, model_service_server::ModelService,
        },
        status,
    },
    protocols::tensorflow::status as stand,
};

use super::{
    GrpcState,
    prediction::{asked, refused},
};

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Models(pub(super) GrpcState);

#[tonic::async_trait]
impl ModelService for Models {
    async fn get_model_status(
        &self,
        request: Request<GetModelStatusRequest>,
    ) -> Result<Response<GetModelStatusResponse>, Status> {
        let asked = asked(request.get_ref().model_spec.as_ref()).map_err(refused)?;
        let model = self.0.seen_by(&request)?.model(&asked.name);
        let model = model.map_err(|problem| {
            if problem.code == ErrorCode::PermissionDenied {
                return status::status(&problem);
            }
            refused(stand::unknown(&asked.name))
        })?;
        let stands = stand::of(&model, &asked);
        stands.map(Response::new).map_err(refused)
    }

    async fn handle_reload_config_request(
        &self,
        request: Request<ReloadConfigRequest>,
    ) -> Result<Response<ReloadConfigResponse>, Status> {
        let server = self.0.seen_by(&request)?;
        let wanted = stand::configuration(request.into_inner().config).map_err(refused)?;
        let configured = server.configure(wanted);
        configured.map_err(|problem| status::status(&problem))?;
        Ok(Response::new(ReloadConfigResponse {
            status: Some(StatusProto::default()),
        }))
    }
}
