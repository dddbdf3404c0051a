//! The model, version and verb of a path.

use crate::{
    inference::request::ModelSpec, protocols::tensorflow::fault::Fault,
    serving::choice::VersionChoice,
};

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Predict,
    Classify,
    Regress,
}

/// Parts the last part of a path at its colon.
pub(super) fn part(last: &str) -> Result<(&str, Verb), Fault> {
    let malformed = || Fault::invalid(format!("Malformed request: POST …/{last}"));
    let (name, verb) = last.rsplit_once(':').ok_or_else(malformed)?;
    let verb = match verb.to_ascii_lowercase().as_str() {
        "predict" => Verb::Predict,
        "classify" => Verb::Classify,
        "regress" => Verb::Regress,
        _ => return Err(malformed()),
    };
    Ok((name, verb))
}

/// How a version is named by a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum By<'a> {
    Default,
    Version(&'a str),
    Label(&'a str),
}

/// The model and version that a path names.
pub(super) fn spec(name: &str, by: By<'_>) -> Result<ModelSpec, Fault> {
    let invalid = |error: crate::model::name::NameError| Fault::invalid(error.to_string());
    let name = name.parse().map_err(invalid)?;
    let version = match by {
        By::Default => VersionChoice::Default,
        By::Version(version) => VersionChoice::Version(version.parse().map_err(invalid)?),
        By::Label(label) => VersionChoice::Label(label.parse().map_err(invalid)?),
    };
    Ok(ModelSpec { name, version })
}
