//! Files that are generated and committed, proven equal to what the code says today.
//! `make generate` writes them anew.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use std::{fs, path::Path};

use ocellus::{
    config::{Change, SETTINGS},
    http::openapi,
    model::contract::schema::contract_schema,
};

fn committed(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_api_description_is_the_code() {
    let generated = openapi().to_pretty_json().expect("serialises");
    assert!(
        committed("openapi/openapi.json").trim_end() == generated,
        "run `make generate`"
    );
}

#[test]
fn the_contract_schema_is_the_code() {
    let generated = serde_json::to_string_pretty(&contract_schema()).expect("serialises");
    assert!(
        committed("assets/model.schema.json").trim_end() == generated,
        "run `make generate`"
    );
}

#[test]
fn the_readme_lists_every_setting() {
    let readme = committed("README.md");
    for setting in SETTINGS {
        let default = if setting.default.is_empty() {
            ""
        } else {
            &format!("`{}`", setting.default)
        };
        let help = setting.help.replace('|', "\\|").replace('<', "\\<");
        let row = format!(
            "| `{}` | `{}` | `--{}` | {default} | {help} |",
            setting.key,
            setting.variable(),
            setting.flag(),
        );
        assert!(readme.contains(&row), "README.md lacks this row:\n{row}");
    }
}

#[test]
fn the_readme_lists_what_is_taken_over_without_a_restart() {
    let live = SETTINGS
        .iter()
        .filter(|setting| setting.change == Change::AtOnce);
    let live: Vec<String> = live.map(|setting| format!("`{}`", setting.key)).collect();
    let line = format!("{}.\n", live.join(", "));
    assert!(
        committed("README.md").contains(&format!("without a restart:\n{line}")),
        "README.md lacks this line:\n{line}"
    );
}

#[test]
fn every_contract_in_the_repository_is_sound() {
    for folder in ["assets/models", "tests/models"] {
        for path in contracts(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            let text = fs::read_to_string(&path).expect("readable");
            if let Err(faults) = ocellus::model::contract::Contract::parse(&text) {
                panic!("{}: {faults}", path.display());
            }
        }
    }
}

fn contracts(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("readable");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                contracts(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.ends_with("model.toml"))
        .collect()
}
