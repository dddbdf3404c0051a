//! The engine: ONNX Runtime, loaded when the process starts.

mod accelerator;
mod device;
mod error;
mod runtime;
mod session;
mod threads;

pub use device::DeviceMemory;
pub use error::EngineError;
pub use runtime::{LIBRARY_FILE, Runtime};
pub use session::{ModelFile, Session, SessionOptions};
