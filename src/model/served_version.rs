//! What is known of a version that serves, wherever it does.

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    contract::{Contract, signature_check::Bindings},
    labels::Labels,
    name::{ModelName, Version},
    signature::Signature,
};

/// A model and one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
pub struct ServableId {
    /// The model.
    pub name: ModelName,
    /// Its version.
    pub version: Version,
}

impl std::fmt::Display for ServableId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.name, self.version)
    }
}

/// A version that serves: what it takes, what it gives, and how that is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedVersion {
    /// Which model and version this is.
    pub id: ServableId,
    /// Names this load of it, so that a request can be held against a version that was loaded
    /// anew in the meantime.
    pub load_id: String,
    /// SHA-256 of its `model.onnx`, `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What turns a picture into its tensors and its tensors into an answer.
    pub contract: Contract,
    /// The names of its classes.
    pub labels: Labels,
    /// What its graph takes and gives.
    pub signature: Signature,
    /// Which of that the contract means.
    pub bindings: Bindings,
    /// Most pictures in one run.
    pub max_batch_size: usize,
}
