//! The model core, in TensorFlow Serving's words: a source states which versions are wanted, a
//! loader makes servables of them, the manager keeps their states and hands them out.

pub mod batch;
mod error;
mod instances;
pub mod loader;
pub mod manager;
pub mod servable;
pub mod source;
pub mod state;

pub use error::{LoadError, ServeError};
