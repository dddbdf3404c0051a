//! Versions as a table or as JSON, with what is wrong with them.

use std::process::ExitCode;

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::{
    cli::{Failure, print},
    model::{
        contract::Contract,
        desired::DesiredError,
        name::{ModelName, Version},
    },
    publishing::catalog::{CatalogModel, CatalogVersion, Seal},
    storage::{Fetched, ObjectStore},
};

/// Largest contract that is read.
const MAX_CONTRACT_BYTES: usize = 256 * 1024;

/// Lists versions; fails where one has a fault.
pub(super) async fn report(
    store: &dyn ObjectStore,
    models: &[CatalogModel],
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let mut rows = Vec::new();
    for model in models {
        for (version, lies) in model.versions.iter().rev() {
            rows.push(Row::read(store, model, *version, lies).await?);
        }
    }
    if rows.is_empty() {
        return Err(format!("{} holds no model", store.root()).into());
    }
    let sound = rows.iter().all(|row| row.fault.is_none());
    if as_json {
        let models: Vec<_> = rows.iter().map(Row::json).collect();
        print(serde_json::to_string_pretty(&json!({ "models": models }))?)?;
    } else {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header([
            "MODEL", "VERSION", "LABELS", "STATE", "SIZE", "TASK", "INPUT", "CONTRACT",
        ]);
        for row in &rows {
            let contract = row.fault.as_deref().unwrap_or("sound");
            let version = row.version.to_string();
            let size = indicatif::HumanBytes(row.size).to_string();
            let labels = row.labels.join(" ");
            table.add_row([
                row.model.as_str(),
                &version,
                &labels,
                row.state,
                &size,
                &row.task,
                &row.input,
                contract,
            ]);
        }
        print(table)?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Row {
    model: String,
    version: Version,
    labels: Vec<String>,
    state: &'static str,
    size: u64,
    task: String,
    input: String,
    fault: Option<String>,
}

impl Row {
    async fn read(
        store: &dyn ObjectStore,
        model: &CatalogModel,
        version: Version,
        lies: &CatalogVersion,
    ) -> Result<Self, Failure> {
        let desired_fault = model.desired.as_ref().err().map(DesiredError::to_string);
        let labels = model.desired.iter().flat_map(|desired| &desired.labels);
        let labels = labels.filter(|(_, target)| **target == version);
        let (state, manifest_fault) = match &lies.seal {
            Seal::Sealed(_) => ("published", None),
            Seal::Open => ("open", None),
            Seal::Fault(fault) => ("broken", Some(fault.clone())),
        };
        let contract = contract(store, &model.name, version).await;
        let (task, input) = match &contract {
            Ok(contract) => {
                let (width, height) = (contract.input.width.max(), contract.input.height.max());
                let task = format!("{:?}", contract.task).to_lowercase();
                (task, format!("{width}×{height} {}", contract.input.dtype))
            }
            Err(_) => ("?".to_owned(), "?".to_owned()),
        };
        Ok(Self {
            model: model.name.to_string(),
            version,
            labels: labels.map(|(label, _)| label.to_string()).collect(),
            state,
            size: lies.size,
            task,
            input,
            fault: manifest_fault
                .or(desired_fault)
                .or(contract.err().map(|Failure(text)| text)),
        })
    }

    fn json(&self) -> Value {
        json!({
            "model": self.model,
            "version": self.version,
            "labels": self.labels,
            "state": self.state,
            "size": self.size,
            "task": self.task,
            "input": self.input,
            "fault": self.fault,
        })
    }
}

async fn contract(
    store: &dyn ObjectStore,
    model: &ModelName,
    version: Version,
) -> Result<Contract, Failure> {
    let key = format!("{model}/{version}/model.toml").parse()?;
    match store.get(&key, None, MAX_CONTRACT_BYTES).await? {
        Fetched::Object(object) => Ok(Contract::parse(std::str::from_utf8(&object.bytes)?)?),
        Fetched::Unchanged => Err(format!("{key} cannot be read").into()),
    }
}
