//! What the server and its models are, and how they do.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use prost::Message;
use serde_json::{Value, json};

use crate::{
    access::caller::Caller,
    core_client::ServableHandle,
    error::{ErrorCode, Problem},
    inference::request::ModelSpec,
    proto::{
        generated::inference::ModelStatisticsResponse,
        json::{Wide, json as message_json},
    },
    protocols::open_inference::describe,
    serving::choice::VersionChoice,
    telemetry::readiness::NOT_READY,
};

use super::super::{
    path::{parse_name, parse_version},
    state::ApiState,
};

type Answer = Result<Json<Value>, Problem>;

/// A message as the answer.
pub(super) fn message(message: &impl Message, name: &str) -> Answer {
    let lost = || Problem::new(ErrorCode::Internal, "the answer cannot be written");
    message_json(message, name, Wide::Number)
        .map(Json)
        .ok_or_else(lost)
}

/// The model and version of a path.
pub(super) fn spec(name: &str, version: Option<&str>) -> Result<ModelSpec, Problem> {
    let version = match version {
        None => VersionChoice::Default,
        Some(version) => VersionChoice::Version(parse_version(version)?),
    };
    Ok(ModelSpec {
        name: parse_name(name)?,
        version,
    })
}

fn servable(state: &ApiState, spec: &ModelSpec) -> Result<ServableHandle, Problem> {
    state.service.core().servable(&spec.name, &spec.version)
}

pub(super) async fn server() -> Answer {
    message(&describe::server(), "inference.ServerMetadataResponse")
}

pub(super) async fn live() -> StatusCode {
    StatusCode::OK
}

/// Ready as a whole where `/readyz` is.
pub(super) async fn ready(State(state): State<ApiState>) -> Result<StatusCode, Problem> {
    if state.readiness.is_ready() {
        return Ok(StatusCode::OK);
    }
    Err(Problem::new(ErrorCode::ModelNotReady, NOT_READY))
}

pub(super) async fn model(State(state): State<ApiState>, Path(name): Path<String>) -> Answer {
    metadata(&state, &spec(&name, None)?)
}

pub(super) async fn version(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    metadata(&state, &spec(&name, Some(&version))?)
}

fn metadata(state: &ApiState, spec: &ModelSpec) -> Answer {
    let servable = servable(state, spec)?;
    let model = state.service.core().model(&spec.name)?;
    let metadata = describe::metadata(&model, &servable.version);
    message(&metadata, "inference.ModelMetadataResponse")
}

pub(super) async fn model_ready(
    State(state): State<ApiState>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    servable(&state, &spec(&name, None)?).map(|_| StatusCode::OK)
}

pub(super) async fn version_ready(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    servable(&state, &spec(&name, Some(&version))?).map(|_| StatusCode::OK)
}

pub(super) async fn config(State(state): State<ApiState>, Path(name): Path<String>) -> Answer {
    configuration(&state, &spec(&name, None)?)
}

pub(super) async fn version_config(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    configuration(&state, &spec(&name, Some(&version))?)
}

fn configuration(state: &ApiState, spec: &ModelSpec) -> Answer {
    let config = describe::config(&servable(state, spec)?.version);
    message(&config, "inference.ModelConfig")
}

pub(super) async fn all_statistics(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
) -> Answer {
    let mut model_stats = state.service.core().statistics().await;
    model_stats.retain(|stats| stats.name.parse().is_ok_and(|name| caller.sees(&name)));
    let stats = ModelStatisticsResponse { model_stats };
    message(&stats, "inference.ModelStatisticsResponse")
}

pub(super) async fn statistics(State(state): State<ApiState>, Path(name): Path<String>) -> Answer {
    counted(&state, &spec(&name, None)?).await
}

pub(super) async fn version_statistics(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
) -> Answer {
    counted(&state, &spec(&name, Some(&version))?).await
}

async fn counted(state: &ApiState, spec: &ModelSpec) -> Answer {
    servable(state, spec)?;
    let mut model_stats = state.service.core().statistics().await;
    model_stats.retain(|stats| {
        let same = match &spec.version {
            VersionChoice::Version(version) => stats.version == version.to_string(),
            VersionChoice::Default | VersionChoice::Label(_) => true,
        };
        same && stats.name == spec.name.as_str()
    });
    let stats = ModelStatisticsResponse { model_stats };
    message(&stats, "inference.ModelStatisticsResponse")
}

/// An answer without anything in it.
pub(super) fn nothing() -> Json<Value> {
    Json(json!({}))
}
