//! Open Inference Protocol v2 over REST, with Triton's extensions.

mod binary;
mod describe;
mod few;
mod infer;
mod repository;

use axum::{
    Router,
    routing::{get, post},
};

use super::{encoding::decompressed, state::ApiState};

/// Its routes. Bodies may be compressed with gzip or deflate.
pub(super) fn routes() -> Router<ApiState> {
    let routes = Router::new()
        .route("/v2", get(describe::server))
        .route("/v2/health/live", get(describe::live))
        .route("/v2/health/ready", get(describe::ready))
        .route("/v2/models/stats", get(describe::all_statistics))
        .route("/v2/models/{model}", get(describe::model))
        .route("/v2/models/{model}/ready", get(describe::model_ready))
        .route("/v2/models/{model}/config", get(describe::config))
        .route("/v2/models/{model}/stats", get(describe::statistics))
        .route("/v2/models/{model}/infer", post(infer::model))
        .route(
            "/v2/models/{model}/versions/{version}",
            get(describe::version),
        )
        .route(
            "/v2/models/{model}/versions/{version}/ready",
            get(describe::version_ready),
        )
        .route(
            "/v2/models/{model}/versions/{version}/config",
            get(describe::version_config),
        )
        .route(
            "/v2/models/{model}/versions/{version}/stats",
            get(describe::version_statistics),
        )
        .route(
            "/v2/models/{model}/versions/{version}/infer",
            post(infer::version),
        )
        .route("/v2/repository/index", post(repository::index))
        .route("/v2/repository/models/{model}/load", post(repository::load))
        .route(
            "/v2/repository/models/{model}/unload",
            post(repository::unload),
        );
    decompressed(routes)
}
