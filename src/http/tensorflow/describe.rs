//! Metadata, and how versions stand.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::{
    error::{ErrorCode, Problem},
    model::{name::ModelName, served_version::ServedVersion},
    proto::{
        generated::tensorflow::serving::SignatureDefMap,
        json::{Wide, json},
    },
    protocols::tensorflow::{fault::Fault, signature, status},
};

use super::{
    super::{dialect::fault, state::ApiState},
    target::{By, spec},
};

/// `GET /v1/models/{model}/metadata`.
pub(super) async fn model(State(state): State<ApiState>, Path(name): Path<String>) -> Response {
    metadata(&state, &name, By::Default)
}

/// `GET /v1/models/{model}/versions/{version}/metadata`.
pub(super) async fn version(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
) -> Response {
    metadata(&state, &name, By::Version(&version))
}

/// `GET /v1/models/{model}/labels/{label}/metadata`.
pub(super) async fn label(
    State(state): State<ApiState>,
    Path((name, label)): Path<(String, String)>,
) -> Response {
    metadata(&state, &name, By::Label(&label))
}

/// `GET /v1/models/{model}/versions/{version}`.
pub(super) async fn version_status(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
) -> Response {
    stands(&state, &name, By::Version(&version))
}

/// `GET /v1/models/{model}/labels/{label}`: the version that it names, alone.
pub(super) async fn label_status(
    State(state): State<ApiState>,
    Path((name, label)): Path<(String, String)>,
) -> Response {
    stands(&state, &name, By::Label(&label))
}

fn metadata(state: &ApiState, name: &str, by: By<'_>) -> Response {
    let described = spec(name, by).and_then(|spec| {
        let servable = state.service.core().servable(&spec.name, &spec.version);
        let servable = servable.map_err(|problem| Fault::of(&problem, &spec))?;
        Ok(signatures(&servable.version))
    });
    answer(described)
}

fn signatures(version: &ServedVersion) -> Value {
    let map = SignatureDefMap {
        signature_def: signature::all(version).into_iter().collect(),
    };
    let map = json(&map, "tensorflow.serving.SignatureDefMap", Wide::Text);
    json!({
        "model_spec": {
            "name": version.id.name, "signature_name": "", "version": version.id.version.to_string(),
        },
        "metadata": { "signature_def": map },
    })
}

fn stands(state: &ApiState, name: &str, by: By<'_>) -> Response {
    let described = spec(name, by).and_then(|spec| {
        let model = state.service.core().model(&spec.name);
        let model = model.map_err(|problem| unseen(&problem, &spec.name))?;
        let versions = status::of(&model, &spec)?.model_version_status;
        let versions: Vec<Value> = versions.iter().map(status::json).collect();
        Ok(json!({ "model_version_status": versions }))
    });
    answer(described)
}

/// Why a model is not shown: there is none, or whoever would know cannot be asked.
fn unseen(problem: &Problem, name: &ModelName) -> Fault {
    if problem.code == ErrorCode::ModelNotFound {
        status::unknown(name)
    } else {
        Fault::from(problem)
    }
}

fn answer(described: Result<Value, Fault>) -> Response {
    match described {
        Ok(json) => Json(json).into_response(),
        Err(refused) => fault(&refused),
    }
}
