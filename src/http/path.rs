//! Model names and versions out of paths.

use crate::{
    error::{ErrorCode, Problem},
    model::name::{Label, ModelName, NameError, Version},
};

/// A model name out of a path.
pub(super) fn parse_name(text: &str) -> Result<ModelName, Problem> {
    text.parse().map_err(|error| invalid("model", &error))
}

/// A version out of a path.
pub(super) fn parse_version(text: &str) -> Result<Version, Problem> {
    text.parse().map_err(|error| invalid("version", &error))
}

/// A label out of a path.
pub(super) fn parse_label(text: &str) -> Result<Label, Problem> {
    text.parse().map_err(|error| invalid("label", &error))
}

fn invalid(field: &str, error: &NameError) -> Problem {
    Problem::new(ErrorCode::InvalidModelName, error.to_string()).in_field(field)
}
