//! What an edge hands over: the pictures, the model, the options.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    error::Problem, fairness::claim::Claim, model::name::ModelName, serving::choice::VersionChoice,
};

use super::options::InferOptions;

/// The model that is asked, and which of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSpec {
    /// The model.
    pub name: ModelName,
    /// The version.
    pub version: VersionChoice,
}

/// A picture as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageUpload {
    /// The encoded picture; of one that was sent as a URL, why it could not be fetched.
    pub bytes: Result<Bytes, Problem>,
    /// The name it was sent under, where there was one.
    pub filename: Option<String>,
}

/// What the caller wants back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Results alone.
    Results,
    /// Results, and the picture's pixels to draw them on.
    ResultsAndPixels,
}

/// One request, whole.
#[derive(Clone, Debug)]
pub struct InferRequest {
    /// The id that the answer bears.
    pub id: String,
    /// The model that is asked.
    pub model: ModelSpec,
    /// The pictures, at least one.
    pub images: Vec<ImageUpload>,
    /// What is wanted of the results.
    pub options: InferOptions,
    /// What is wanted back.
    pub wanted: Wanted,
    /// How long it took to read the request, and to fetch what it names by URL.
    pub receive: Duration,
    /// In whose turn, and until when.
    pub claim: Claim,
}
