//! The JSON Schema of `model.toml`: it checks contracts, and editors complete them with it.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Contract;

/// The JSON Schema (draft 2020-12) of a contract, without references.
#[must_use]
pub fn contract_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings
        .into_generator()
        .into_root_schema_for::<Contract>()
        .to_value()
}
