//! The HTTP edge: extract, one use case, wrap.

mod accept;
mod infer;
mod layers;
mod models;
mod openapi;
mod operations;
mod page;
mod path;
mod problem;
mod routes;
mod state;
mod upload;

pub use operations::{Readiness, operations_router};
pub use routes::{openapi, router};
pub use state::{ApiState, EdgeLimits};
