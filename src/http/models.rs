//! `GET /v1/models…`: what there is to ask.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    access::caller::Caller,
    error::{Problem, ProblemDocument},
    model::{
        contract::{Contract, Task},
        name::{Label, ModelName, Version},
    },
    protocols::tensorflow::status,
    serving::state::{LabelStatus, ModelStatus, State as VersionState, VersionStatus},
};

use super::{path::parse_name, state::ApiState};

/// Every model of the server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelList {
    /// By name.
    models: Vec<ModelSummary>,
}

/// A model in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelSummary {
    /// The model.
    name: ModelName,
    /// What its default version does to a picture; absent while none can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    task: Option<Task>,
    /// The version that answers where none is asked for; absent while none can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    default_version: Option<Version>,
    /// Its versions, newest first.
    versions: Vec<VersionSummary>,
}

/// A version in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionSummary {
    /// The version.
    version: Version,
    /// Where it is in its life.
    state: VersionState,
    /// Why it is there, where that needs saying: the reason of a load that failed.
    message: String,
}

/// A model in full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelDetail {
    /// The model.
    name: ModelName,
    /// What its default version does to a picture; absent while none can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    task: Option<Task>,
    /// The version that answers where none is asked for; absent while none can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    default_version: Option<Version>,
    /// Its versions, newest first.
    versions: Vec<VersionDetail>,
    /// Its labels, by name.
    labels: Vec<LabelDetail>,
    /// What is wrong with its folder beside its versions.
    faults: Vec<String>,
    /// Its versions as TensorFlow Serving tells of them, for its clients.
    #[schema(value_type = Vec<Object>)]
    model_version_status: Vec<serde_json::Value>,
}

/// A label.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LabelDetail {
    /// The label.
    label: Label,
    /// The version that it names; absent while none that it is to name can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<Version>,
    /// The version that it is to name, where that is another and not available yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pending: Option<Version>,
}

/// A version in full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionDetail {
    #[serde(flatten)]
    summary: VersionSummary,
    /// SHA-256 of its `model.onnx`; this and what follows of a version that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    digest: Option<String>,
    /// The names of its classes, class 0 first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    labels: Option<Vec<String>>,
    /// Its `model.toml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    contract: Option<Contract>,
}

/// Lists the models that the caller may ask, and the states of their versions.
#[utoipa::path(
    get, path = "/v1/models", tag = "models",
    responses(
        (status = 200, description = "Every model that the caller may ask", body = ModelList),
        (status = 401, description = "unauthenticated", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 403, description = "permission_denied", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 429, description = "rate_limited, quota_exceeded", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Json<ModelList> {
    let models = state.service.core().models().into_iter();
    let models = models
        .filter(|model| caller.sees(&model.name))
        .map(|model| {
            let (task, default_version) = default(&model);
            let versions = model.versions.iter().map(summary).collect();
            ModelSummary {
                name: model.name,
                task,
                default_version,
                versions,
            }
        });
    Json(ModelList {
        models: models.collect(),
    })
}

/// Shows one model: its versions with their contracts and labels.
#[utoipa::path(
    get, path = "/v1/models/{model}", tag = "models",
    params(("model" = String, Path, description = "Model name")),
    responses(
        (status = 200, description = "The model", body = ModelDetail),
        (status = 400, description = "invalid_model_name", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 401, description = "unauthenticated", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 403, description = "permission_denied", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 404, description = "model_not_found", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 429, description = "rate_limited, quota_exceeded", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<Json<ModelDetail>, Problem> {
    let model = state.service.core().model(&parse_name(&name)?)?;
    let (task, default_version) = default(&model);
    let versions = model.versions.iter().map(detail).collect();
    let statuses = model.versions.iter().map(status::version_status);
    let model_version_status = statuses.map(|status| status::json(&status)).collect();
    Ok(Json(ModelDetail {
        name: model.name,
        task,
        default_version,
        versions,
        labels: model.labels.into_iter().map(label).collect(),
        faults: model.faults,
        model_version_status,
    }))
}

fn label(status: LabelStatus) -> LabelDetail {
    let LabelStatus {
        label,
        target,
        version,
    } = status;
    LabelDetail {
        label,
        version,
        pending: Some(target).filter(|target| version != Some(*target)),
    }
}

fn default(model: &ModelStatus) -> (Option<Task>, Option<Version>) {
    let served = model.default_version();
    (
        served.map(|served| served.contract.task),
        served.map(|served| served.id.version),
    )
}

fn summary(status: &VersionStatus) -> VersionSummary {
    let VersionStatus {
        version,
        state,
        message,
        ..
    } = status;
    VersionSummary {
        version: *version,
        state: *state,
        message: message.clone(),
    }
}

fn detail(status: &VersionStatus) -> VersionDetail {
    let served = status.served.as_deref();
    VersionDetail {
        summary: summary(status),
        digest: served.map(|served| served.digest.clone()),
        labels: served.map(|served| served.labels.names().to_vec()),
        contract: served.map(|served| served.contract.clone()),
    }
}
