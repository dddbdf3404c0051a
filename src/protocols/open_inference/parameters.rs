//! The parameters of a request, an input or an output.

use std::collections::BTreeMap;

use crate::{
    error::{ErrorCode, Problem},
    inference::options::{self, InferOptions, OptionValue},
};

/// A parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameter {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any number.
    Double(f64),
    /// Text.
    Text(String),
}

/// Parameters by name.
pub type Parameters = BTreeMap<String, Parameter>;

/// A parameter that is a whole number, not negative.
///
/// # Errors
/// When it is another.
pub fn count(parameters: &Parameters, name: &str) -> Result<Option<u64>, Problem> {
    match parameters.get(name) {
        None => Ok(None),
        Some(Parameter::Int(number)) if 0 <= *number => Ok(Some(number.unsigned_abs())),
        Some(_) => {
            let detail = format!("parameter {name} must be a whole number");
            Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(name))
        }
    }
}

/// A parameter that is yes or no; no where it is absent.
///
/// # Errors
/// When it is another.
pub fn flag(parameters: &Parameters, name: &str) -> Result<bool, Problem> {
    match parameters.get(name) {
        None => Ok(false),
        Some(Parameter::Bool(flag)) => Ok(*flag),
        Some(_) => {
            let detail = format!("parameter {name} must be true or false");
            Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(name))
        }
    }
}

/// The options among a request's parameters. The protocol's own, and others, are none.
///
/// # Errors
/// When an option's value is not allowed.
pub(super) fn infer_options(parameters: &Parameters) -> Result<InferOptions, Problem> {
    let mut found = InferOptions::default();
    for name in options::NAMES {
        let text = match parameters.get(name) {
            None => continue,
            Some(Parameter::Bool(flag)) => flag.to_string(),
            Some(Parameter::Int(number)) => number.to_string(),
            Some(Parameter::Double(number)) => number.to_string(),
            Some(Parameter::Text(text)) => text.clone(),
        };
        found.add(name, &OptionValue::Text(text))?;
    }
    Ok(found)
}
