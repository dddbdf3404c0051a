use std::path::PathBuf;

use super::accelerator;
use crate::{provider::Provider, tensor::TensorError};

/// Why the engine could not start, open a model, or run it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// ONNX Runtime's library is nowhere to be found.
    #[error(
        "ONNX Runtime is not installed: none of {} exists; `make engine` fetches it, or name \
         another copy with --engine-library or OCELLUS_ENGINE_LIBRARY", paths(.searched)
    )]
    LibraryMissing {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The library is there but cannot be used: too old, or of another machine.
    #[error(
        "ONNX Runtime at {} cannot be used: {reason}; `make engine` fetches a version that can",
        path.display()
    )]
    LibraryUnusable {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library is loaded but would not start.
    #[error("ONNX Runtime did not start: {0}")]
    Start(#[source] ort::Error),
    /// The file is no model that this engine can run.
    #[error("the engine cannot open {}: {reason}", path.display())]
    Open {
        /// The model's file.
        path: PathBuf,
        /// The engine's words.
        reason: String,
    },
    /// An execution provider that was asked for cannot be used.
    #[error("{provider} was asked for and cannot be used: {reason}; {remedy}")]
    Provider {
        /// The provider.
        provider: Provider,
        /// What is wrong.
        reason: String,
        /// The library that is not there, where that is what is wrong.
        missing: Option<String>,
        /// What to do.
        remedy: String,
    },
    /// The folder for what TensorRT compiles cannot be made.
    #[error("the folder {} for TensorRT's engines cannot be made: {error}", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A run failed.
    #[error("the engine failed: {0}")]
    Run(#[source] ort::Error),
    /// An output has an element type that no decoder reads.
    #[error("output \"{0}\" is of a type that is not supported")]
    OutputType(String),
    /// An output's elements do not fit its shape.
    #[error("output \"{name}\" is inconsistent: {error}")]
    OutputShape {
        /// The output.
        name: String,
        /// What does not fit.
        error: TensorError,
    },
}

impl EngineError {
    /// What a GPU said, where that is in the engine's many words, else all of them.
    #[must_use]
    pub fn device_words(&self) -> String {
        let words = self.to_string();
        accelerator::cuda_failure(&words).map_or_else(|| words.clone(), str::to_owned)
    }
}

fn paths(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
