//! The HTTP edge: extract, one use case, wrap.

mod accept;
mod infer;
mod layers;
mod models;
mod openapi;
mod operations;
mod page;
mod problem;
mod routes;
mod upload;

pub use layers::EdgeLimits;
pub use openapi::openapi;
pub use operations::{Readiness, operations_router};
pub use routes::{ApiState, router};
