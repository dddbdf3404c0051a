//! What there is in the repository, and models taken out of service and back.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
};
use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{
    access::caller::Caller,
    error::{ErrorCode, Problem},
    proto::json::{Wide, json},
    protocols::{document, open_inference::describe},
};

use super::{
    super::{path::parse_name, state::ApiState, upload::whole_body},
    describe::nothing,
    few::Few,
};

/// The body of an index. Clients send none.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct IndexBody {
    ready: bool,
}

/// The body of a load or unload. Clients send `{}`, or parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LoadBody {
    parameters: Few<IgnoredAny>,
}

fn read<T: Default + for<'de> Deserialize<'de>>(body: &Bytes) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    document::read(body).map_err(|words| {
        let detail = format!("the body is not JSON as it must be: {words}");
        Problem::new(ErrorCode::MalformedRequest, detail)
    })
}

pub(super) async fn index(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body: IndexBody = read(&whole_body(request, &state.limits()).await?)?;
    let mut models = state.service.core().models();
    models.retain(|model| caller.sees(&model.name));
    let models = describe::index(&models, body.ready);
    let name = "inference.RepositoryIndexResponse.ModelIndex";
    let models = models
        .iter()
        .filter_map(|model| json(model, name, Wide::Number));
    Ok(Json(models.collect()))
}

pub(super) async fn load(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body: LoadBody = read(&whole_body(request, &state.limits()).await?)?;
    describe::check_load(body.parameters.names())?;
    state.service.core().load(&parse_name(&name)?).await?;
    Ok(nothing())
}

pub(super) async fn unload(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let _: LoadBody = read(&whole_body(request, &state.limits()).await?)?;
    state.service.core().unload(&parse_name(&name)?).await?;
    Ok(nothing())
}
