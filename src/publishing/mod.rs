//! What owners of models do: publish a version, say which versions are wanted, take them away.
//! Every change is one conditional write, so that two owners at once both get what they asked.

pub mod catalog;
pub mod desired;
mod error;
mod index;
pub mod publish;
pub mod remove;
pub mod saved_model;
mod seal;
pub mod staging;
pub mod trial;
mod workbench;

pub use error::PublishError;
