//! Why a servable could not be had or run.

use std::sync::Arc;

use crate::{
    engine::EngineError,
    error::{ErrorCode, Problem},
    model::name::{Label, ModelName, Version},
    tensor::TensorError,
};

use super::queue::QueueLimits;

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
    /// No such label of the model.
    #[error("model {name} has no label {label}; GET /v1/models/{name} lists those there are")]
    LabelNotFound {
        /// The model.
        name: ModelName,
        /// The label asked for.
        label: Label,
    },
    /// The model or the version cannot serve now.
    #[error("model {name} cannot serve: {reason}")]
    NotReady {
        /// The model.
        name: ModelName,
        /// Why.
        reason: String,
    },
    /// Too much waits for the model already.
    #[error(
        "the model's queue is full: it holds {} pictures or {} bytes (queue.pictures, queue.bytes)",
        .0.pictures, .0.bytes
    )]
    QueueFull(QueueLimits),
    /// The deadline passed before the picture's run began.
    #[error("the deadline passed while the picture waited for the model")]
    Expired,
    /// The engine failed.
    #[error("{0}")]
    Engine(Arc<EngineError>),
    /// The device can run nothing more for this process.
    #[error("the device that models run on is lost; the server ends, to be started again")]
    DeviceLost,
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
        let code = match error {
            ServeError::ModelNotFound(_) => ErrorCode::ModelNotFound,
            ServeError::VersionNotFound { .. } => ErrorCode::VersionNotFound,
            ServeError::LabelNotFound { .. } => ErrorCode::LabelNotFound,
            ServeError::NotReady { .. } | ServeError::DeviceLost => ErrorCode::ModelNotReady,
            ServeError::QueueFull(_) => ErrorCode::QueueFull,
            ServeError::Expired => ErrorCode::DeadlineExceeded,
            ServeError::Engine(_) | ServeError::Batch(_) | ServeError::Lost => {
                let detail = "the model failed on this input; the server's log has the cause";
                return Self::new(ErrorCode::InferenceFailed, detail);
            }
        };
        Self::new(code, error.to_string())
    }
}
