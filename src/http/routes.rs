//! Every route of the API, and what each request passes on its way to one.

use axum::{Router, routing::get};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};
use utoipa_swagger_ui::SwaggerUi;

use super::{
    infer, layers, models, open_inference, openapi::frame, page, state::ApiState, tensorflow,
};

/// The documented part of the API: routes and their descriptions are one list.
fn api() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(frame())
        .routes(routes!(infer::infer))
        .routes(routes!(infer::infer_version))
        .routes(routes!(infer::infer_label))
        .routes(routes!(models::list))
        .routes(routes!(models::show))
}

/// The OpenAPI document of the API, made from the routes themselves.
#[must_use]
pub fn openapi() -> OpenApi {
    api().into_openapi()
}

/// The whole HTTP edge: API, demo page and documentation.
pub fn router(state: &ApiState) -> Router {
    let (api, description) = api().split_for_parts();
    let routes = api
        .merge(open_inference::routes())
        .merge(tensorflow::routes())
        .route("/", get(page::index))
        .route("/assets/{*path}", get(page::asset))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", description))
        .with_state(state.clone());
    layers::around(routes, state)
}
