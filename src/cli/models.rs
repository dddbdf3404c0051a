//! `ocellus models`.

use std::process::ExitCode;

use clap::Subcommand;
use comfy_table::{Table, presets};
use serde_json::json;

use crate::serving::{
    loader::read_contract,
    source::{AspiredVersion, aspired_versions},
};

use super::{Failure, print, settings::SettingArgs};

#[derive(Debug, Subcommand)]
pub(super) enum ModelsCommand {
    /// List the models and versions in a folder, and what is wrong with their contracts
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

pub(super) fn run(command: &ModelsCommand) -> Result<ExitCode, Failure> {
    let ModelsCommand::List(args) = command;
    let config = args.settings.clone().read()?;
    let rows: Vec<Row> = aspired_versions(&config.models)?
        .iter()
        .map(Row::read)
        .collect();
    let sound = rows.iter().all(|row| row.fault.is_none());
    if args.json {
        let models: Vec<_> = rows.iter().map(Row::json).collect();
        print(serde_json::to_string_pretty(&json!({ "models": models }))?)?;
    } else {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["MODEL", "VERSION", "TASK", "INPUT", "CONTRACT"]);
        for row in &rows {
            let contract = row.fault.as_deref().unwrap_or("sound");
            table.add_row([&row.model, &row.version, &row.task, &row.input, contract]);
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
    version: String,
    task: String,
    input: String,
    fault: Option<String>,
}

impl Row {
    fn read(aspired: &AspiredVersion) -> Self {
        let (model, version) = (aspired.name.to_string(), aspired.version.to_string());
        match read_contract(&aspired.folder) {
            Ok(contract) => {
                let task = format!("{:?}", contract.task).to_lowercase();
                let (width, height) = (contract.input.width.max(), contract.input.height.max());
                let input = format!("{width}×{height} {}", contract.input.dtype);
                Self {
                    model,
                    version,
                    task,
                    input,
                    fault: None,
                }
            }
            Err(error) => {
                let (task, input) = ("?".to_owned(), "?".to_owned());
                Self {
                    model,
                    version,
                    task,
                    input,
                    fault: Some(error.to_string()),
                }
            }
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "model": self.model,
            "version": self.version,
            "task": self.task,
            "input": self.input,
            "fault": self.fault,
        })
    }
}
