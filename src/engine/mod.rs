//! The engine: ONNX Runtime, loaded when the process starts.

mod error;
mod runtime;
mod session;

pub use error::EngineError;
pub use runtime::{LIBRARY_FILE, Runtime};
pub use session::{Session, SessionThreads};
