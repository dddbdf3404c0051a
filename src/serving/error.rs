use std::{path::PathBuf, sync::Arc};

use crate::{
    engine::EngineError,
    error::{ErrorCode, Problem},
    model::{
        contract::ContractFaults,
        labels::LabelsError,
        name::{ModelName, Version},
    },
    postprocess::error::DecodeError,
    tensor::TensorError,
};

/// Why a version could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of the version's folder could not be read.
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The contract has faults, or does not fit the graph.
    #[error(transparent)]
    Contract(#[from] ContractFaults),
    /// The list of labels has a fault.
    #[error("{file}: {error}")]
    Labels {
        /// The file.
        file: String,
        /// The fault.
        error: LabelsError,
    },
    /// The list of labels has another length than the model has classes.
    #[error("{file} has {labels} lines, the model has {classes} classes")]
    LabelCount {
        /// The file.
        file: String,
        /// Lines in it.
        labels: usize,
        /// Classes of the model.
        classes: u64,
    },
    /// The engine refused the model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The first run failed, before any request could meet it.
    #[error("the warm-up run failed: {0}")]
    WarmUp(#[source] ServeError),
    /// The first run gave an answer that cannot be decoded.
    #[error("the warm-up run's answer cannot be decoded: {0}")]
    WarmUpAnswer(#[source] DecodeError),
}

/// Why a servable could not be had or run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServeError {
    /// No model of that name.
    #[error("there is no model {0}; GET /v1/models lists those there are")]
    ModelNotFound(ModelName),
    /// No such version of the model.
    #[error("model {name} has no version {version}; GET /v1/models/{name} lists those there are")]
    VersionNotFound {
        /// The model.
        name: ModelName,
        /// The version asked for.
        version: Version,
    },
    /// The model or the version cannot serve now.
    #[error("model {name} cannot serve: {reason}")]
    NotReady {
        /// The model.
        name: ModelName,
        /// Why.
        reason: String,
    },
    /// The engine failed.
    #[error("{0}")]
    Engine(Arc<EngineError>),
    /// Pictures could not be put into one run or the outputs not be told apart.
    #[error("the batch does not fit the model: {0}")]
    Batch(#[from] TensorError),
    /// The run's thread ended without an answer.
    #[error("the model's run was lost")]
    Lost,
}

impl From<EngineError> for ServeError {
    fn from(error: EngineError) -> Self {
        Self::Engine(Arc::new(error))
    }
}

impl From<&ServeError> for Problem {
    fn from(error: &ServeError) -> Self {
        match error {
            ServeError::ModelNotFound(_) => Self::new(ErrorCode::ModelNotFound, error.to_string()),
            ServeError::VersionNotFound { .. } => {
                Self::new(ErrorCode::VersionNotFound, error.to_string())
            }
            ServeError::NotReady { .. } => Self::new(ErrorCode::ModelNotReady, error.to_string()),
            ServeError::Engine(_) | ServeError::Batch(_) | ServeError::Lost => Self::new(
                ErrorCode::InferenceFailed,
                "the model failed on this input; the server's log has the cause",
            ),
        }
    }
}
