//! Ocellus: an image-inference gateway. A folder of vision models in, a typed HTTP API for
//! pictures out.

pub mod access;
pub mod app;
pub mod cli;
pub mod config;
pub mod core_client;
pub mod engine;
pub mod error;
pub mod fairness;
pub mod fetch;
pub mod geometry;
pub mod grpc;
pub mod http;
pub mod inference;
pub mod model;
pub mod postprocess;
pub mod preprocess;
pub mod proto;
pub mod protocols;
pub mod provider;
pub mod publishing;
pub mod serving;
pub mod storage;
pub mod telemetry;
pub mod tensor;
pub mod transport;
