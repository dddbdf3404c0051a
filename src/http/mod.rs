//! The HTTP edge: extract, one use case, wrap.

mod accept;
mod access;
mod admission;
mod challenge;
mod dialect;
mod elsewhere;
mod encoding;
mod head;
mod infer;
mod layers;
mod models;
mod open_inference;
mod openapi;
mod operations;
mod page;
mod path;
mod places;
mod problem;
mod received;
mod routes;
mod state;
mod tensorflow;
mod upload;

pub use operations::operations_router;
pub use routes::{openapi, router};
pub use state::{ApiState, EdgeLimits};
