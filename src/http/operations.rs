//! Health and metrics, on their own port: never for the public.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tracing::error;

use crate::telemetry::{
    metrics::Metrics,
    readiness::{NOT_READY, Readiness},
};

/// `/livez`, `/readyz` and `/metrics`.
pub fn operations_router(readiness: Readiness, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(readyz).with_state(readiness))
        .route("/metrics", get(write_metrics).with_state(metrics))
}

async fn readyz(State(readiness): State<Readiness>) -> (StatusCode, String) {
    if readiness.is_ready() {
        (StatusCode::OK, "ready\n".to_owned())
    } else {
        let text = format!("not ready: {NOT_READY}\n");
        (StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

async fn write_metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(cause) => {
            error!(%cause, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
