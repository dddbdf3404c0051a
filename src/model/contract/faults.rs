//! What is wrong with a contract: every fault at once, each with its field.

use std::fmt;

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

/// One fault: the field, and what is wrong with it or allowed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field as it is written in the file, `input.resize.mode`; empty for the whole file.
    pub field: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl Fault {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }

    /// A fault that the schema found, in a person's words.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the validator's own words serve for keywords that the schema does not use"
    )]
    pub(super) fn from_schema(error: &ValidationError<'_>, schema: &Value) -> Vec<Self> {
        let field = dotted(error.instance_path().as_str());
        let value = error.instance();
        let one = |message: String| vec![Self::new(field.clone(), message)];
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
                .iter()
                .map(|key| Self::new(joined(&field, key), unknown_key(error, schema)))
                .collect(),
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                vec![Self::new(
                    joined(&field, key),
                    "is missing, and has no default",
                )]
            }
            ValidationErrorKind::Type { kind } => {
                one(format!("is {value}, must be of type {}", type_names(kind)))
            }
            ValidationErrorKind::Minimum { limit } => {
                one(format!("is {value}, must be at least {limit}"))
            }
            ValidationErrorKind::Maximum { limit } => {
                one(format!("is {value}, must be at most {limit}"))
            }
            ValidationErrorKind::MinItems { limit } => {
                one(format!("is {value}, must have at least {limit} entries"))
            }
            ValidationErrorKind::MaxItems { limit } => {
                one(format!("is {value}, must have at most {limit} entries"))
            }
            _ => one(match allowed_values(error, schema) {
                Some(allowed) => format!("is {value}, must be one of {allowed}"),
                None => alternatives(error).unwrap_or_else(|| error.to_string()),
            }),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

/// Every fault of one contract, never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ContractFaults(pub Vec<Fault>);

impl fmt::Display for ContractFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "model.toml has {count} fault{}",
            if count == 1 { "" } else { "s" }
        )?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// `/input/resize/mode` as `input.resize.mode`.
fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn joined(field: &str, key: &str) -> String {
    if field.is_empty() {
        key.to_owned()
    } else {
        format!("{field}.{key}")
    }
}

fn unknown_key(error: &ValidationError<'_>, schema: &Value) -> String {
    let section = parent(error.schema_path().as_str());
    let known = schema.pointer(section).and_then(|s| s.get("properties"));
    let names: Vec<&str> = known
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(k, _)| k.as_str())
        .collect();
    format!(
        "is not a key of this section; known are {}",
        names.join(", ")
    )
}

fn parent(pointer: &str) -> &str {
    pointer.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The types a key may have. TOML has no null: an optional key is left out.
fn type_names(kind: &TypeKind) -> String {
    let kinds: Vec<String> = match kind {
        TypeKind::Single(kind) => vec![kind.to_string()],
        TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect(),
    };
    kinds
        .into_iter()
        .filter(|kind| kind != "null")
        .collect::<Vec<_>>()
        .join(" or ")
}

/// The values that an enumeration allows, in whichever way the schema spells it.
fn allowed_values(error: &ValidationError<'_>, schema: &Value) -> Option<String> {
    let found = schema.pointer(error.schema_path().as_str())?;
    let mut values = Vec::new();
    collect_values(found, &mut values);
    (!values.is_empty()).then(|| values.join(", "))
}

fn collect_values(schema: &Value, values: &mut Vec<String>) {
    match schema {
        Value::String(value) => values.push(format!("\"{value}\"")),
        Value::Array(alternatives) => {
            alternatives
                .iter()
                .for_each(|alternative| collect_values(alternative, values));
        }
        Value::Object(keys) => {
            ["const", "enum"]
                .iter()
                .filter_map(|key| keys.get(*key))
                .for_each(|value| collect_values(value, values));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => (),
    }
}

/// What each alternative of a union wants, where none fits: that of the value's own type alone
/// where there is one.
fn alternatives(error: &ValidationError<'_>) -> Option<String> {
    let (ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context }) =
        error.kind()
    else {
        return None;
    };
    let wrong_type = |branch: &&Vec<ValidationError<'_>>| {
        branch.iter().any(|e| {
            matches!(e.kind(), ValidationErrorKind::Type { .. })
                && e.instance_path() == error.instance_path()
        })
    };
    let near: Vec<_> = context
        .iter()
        .filter(|branch| !wrong_type(branch))
        .collect();
    let branches = if near.is_empty() {
        context.iter().collect()
    } else {
        near
    };
    let wants: Vec<String> = branches
        .into_iter()
        .map(|branch| {
            branch
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        })
        .collect();
    Some(format!("is not valid: {}", wants.join(", or ")))
}
