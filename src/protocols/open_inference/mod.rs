//! Open Inference Protocol v2, with Triton's extensions for binary tensors, classification,
//! repositories, statistics and configurations.
//!
//! An input of type BYTES holds encoded pictures where any name will do; what comes back are their
//! results ([`crate::inference::columns`]). Any other input is the model's own tensor, and its own
//! outputs come back.

mod classification;
pub mod describe;
mod elements;
pub mod infer;
pub mod parameters;

/// The name of its gRPC service.
pub const SERVICE: &str = "inference.GRPCInferenceService";

pub use elements::{Elements, from_json};
