//! The model core, in TensorFlow Serving's words: a source states which versions are aspired, a
//! pure policy picks the next action, a loader makes servables, the manager hands them out.

pub mod aspired;
mod batch;
mod batcher;
pub mod cache;
pub mod choice;
pub mod device_loss;
mod instance;
mod load_error;
pub mod load_note;
pub mod loader;
pub mod manager;
pub mod overrides;
pub mod pace;
pub mod policy;
pub mod queue;
pub mod resources;
mod run_times;
pub mod servable;
mod serve_error;
pub mod source;
pub mod state;
mod stream;
mod version;

pub use load_error::LoadError;
pub use serve_error::ServeError;
