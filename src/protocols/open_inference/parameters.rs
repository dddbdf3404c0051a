//! The parameters of a request, an input or an output.

use std::collections::BTreeMap;

use crate::{
    error::{ErrorCode, Problem},
    fairness::{claim::Tenant, priority::Priority},
    inference::options::{self, InferOptions, OptionValue},
    proto::open_inference::{PRIORITY, TENANT},
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

/// How urgent a request is: in words, or as Triton numbers it, 1 before 2 before 3; 0 says nothing.
///
/// # Errors
/// When it is neither.
pub(super) fn priority(parameters: &Parameters) -> Result<Option<Priority>, Problem> {
    let named = match parameters.get(PRIORITY) {
        None | Some(Parameter::Int(0)) => return Ok(None),
        Some(Parameter::Int(1)) => Some(Priority::High),
        Some(Parameter::Int(2)) => Some(Priority::Normal),
        Some(Parameter::Int(3..)) => Some(Priority::Low),
        Some(Parameter::Text(text)) => text.parse().ok(),
        Some(Parameter::Int(_) | Parameter::Bool(_) | Parameter::Double(_)) => None,
    };
    let invalid = || {
        let detail = "parameter priority must be high, normal or low, or a whole number: 1 is high, \
                      2 normal, more is low";
        Problem::new(ErrorCode::InvalidOption, detail).in_field(PRIORITY)
    };
    named.map(Some).ok_or_else(invalid)
}

/// In whose turn a request is to be answered that was passed on.
///
/// # Errors
/// When it is a longer text than any.
pub(super) fn tenant(parameters: &Parameters) -> Result<Option<Tenant>, Problem> {
    match parameters.get(TENANT) {
        Some(Parameter::Text(text)) if text.len() <= Tenant::MAX_BYTES => {
            Ok(Some(Tenant::new(text)))
        }
        Some(Parameter::Text(_)) => {
            let detail = format!("parameter tenant has at most {} bytes", Tenant::MAX_BYTES);
            Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(TENANT))
        }
        Some(_) | None => Ok(None),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_words_or_numbers() {
        let check = |given: Parameter, expected: Result<Option<Priority>, ()>| {
            let parameters = Parameters::from([(PRIORITY.to_owned(), given.clone())]);
            assert_eq!(priority(&parameters).map_err(|_| ()), expected, "{given:?}");
        };
        check(Parameter::Int(0), Ok(None));
        check(Parameter::Int(1), Ok(Some(Priority::High)));
        check(Parameter::Int(2), Ok(Some(Priority::Normal)));
        check(Parameter::Int(3), Ok(Some(Priority::Low)));
        check(Parameter::Int(i64::MAX), Ok(Some(Priority::Low)));
        check(Parameter::Text("low".to_owned()), Ok(Some(Priority::Low)));
        check(Parameter::Int(-1), Err(()));
        check(Parameter::Text("urgent".to_owned()), Err(()));
        check(Parameter::Double(1.0), Err(()));
        assert_eq!(priority(&Parameters::new()), Ok(None));
    }

    #[test]
    fn a_tenant_is_a_short_text() {
        let named = |text: &str| {
            let parameter = Parameter::Text(text.to_owned());
            tenant(&Parameters::from([(TENANT.to_owned(), parameter)]))
        };
        assert_eq!(named("key a"), Ok(Some(Tenant::new("key a"))));
        let long = "a".repeat(Tenant::MAX_BYTES + 1);
        assert!(named(&long).is_err_and(|problem| problem.code == ErrorCode::InvalidOption));
        assert_eq!(tenant(&Parameters::new()), Ok(None));
    }
}
