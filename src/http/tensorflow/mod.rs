//! TensorFlow Serving's REST interface. Bodies may be compressed with gzip or deflate.

mod ask;
mod classify;
mod describe;
mod target;

use axum::{
    Router,
    routing::{get, post},
};

use super::{encoding::decompressed, state::ApiState};

/// Its routes. How a model's versions stand is in the answer of `GET /v1/models/{model}` too.
pub(super) fn routes() -> Router<ApiState> {
    let routes = Router::new()
        .route("/v1/models/{model}", post(ask::model))
        .route("/v1/models/{model}/metadata", get(describe::model))
        .route(
            "/v1/models/{model}/versions/{version}",
            get(describe::version_status).post(ask::version),
        )
        .route(
            "/v1/models/{model}/versions/{version}/metadata",
            get(describe::version),
        )
        .route(
            "/v1/models/{model}/labels/{label}",
            get(describe::label_status).post(ask::label),
        )
        .route(
            "/v1/models/{model}/labels/{label}/metadata",
            get(describe::label),
        );
    decompressed(routes)
}
