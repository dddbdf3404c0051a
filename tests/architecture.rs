//! The dependency order of the crate, checked instead of promised.

#![expect(clippy::expect_used, reason = "a test says what is wrong by failing")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Top-level modules, lowest first. A module imports only from lower rows.
const LAYERS: &[&[&str]] = &[
    &["provider", "fairness"],
    &["error", "config", "tensor", "geometry"],
    &["model", "telemetry"],
    &[
        "preprocess",
        "postprocess",
        "proto",
        "engine",
        "storage",
        "transport",
    ],
    &["serving", "access"],
    &["core_client"],
    &["inference", "publishing"],
    &["protocols", "fetch"],
    &["http", "grpc"],
    &["app"],
    &["cli"],
    &["lib", "main"],
];

/// Pure modules: no runtime, no network, no file system.
const PURE: &[&str] = &[
    "provider",
    "fairness",
    "error",
    "tensor",
    "geometry",
    "model",
    "preprocess",
    "postprocess",
];
const IMPURE_CRATES: &[&str] = &["tokio", "axum", "reqwest", "ort", "std::fs", "std::net"];

/// What one module alone may name, so that the rest does not depend on it.
const ONLY_IN: &[(&str, &str)] = &[
    ("engine", "ort::"),
    ("http", "axum::"),
    ("cli", "clap::"),
    ("storage", "aws_sdk_s3::"),
];

const MAX_LINES: usize = 300;

#[test]
fn modules_depend_downwards_only() {
    let rank: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(row, modules)| modules.iter().map(move |module| (*module, row)))
        .collect();
    let mut faults = Vec::new();
    for source in sources() {
        let Some(own) = rank.get(source.module.as_str()) else {
            faults.push(format!("{}: module is in no layer", source.path.display()));
            continue;
        };
        for used in source.crate_imports() {
            match rank.get(used.as_str()) {
                None => (),
                Some(_) if used == source.module => (),
                Some(other) if other < own => (),
                Some(_) => faults.push(format!(
                    "{}: `{}` may not use `crate::{used}`",
                    source.path.display(),
                    source.module
                )),
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_modules_stay_pure() {
    let mut faults = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| PURE.contains(&s.module.as_str()))
    {
        for name in IMPURE_CRATES {
            if source.code.contains(&format!("{name}::")) {
                faults.push(format!("{}: names `{name}`", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn libraries_stay_behind_their_module() {
    let mut faults = Vec::new();
    for source in sources() {
        for (owner, path) in ONLY_IN {
            let named = source.code.split(path).next().is_some_and(|before| {
                before.len() < source.code.len() && !before.ends_with(|c: char| c.is_alphanumeric())
            });
            // The app joins the two ends of the edge, so it alone also holds a router.
            if named && source.module != *owner && source.module != "app" {
                faults.push(format!("{}: names `{path}`", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_fit_in_the_head() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|s| MAX_LINES < s.code.lines().count())
        .map(|s| format!("{}: {} lines", s.path.display(), s.code.lines().count()))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

struct Source {
    path: PathBuf,
    module: String,
    /// Text up to the first `#[cfg(test)]`, without `//` comments.
    code: String,
}

impl Source {
    fn read(root: &Path, path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).expect("source is readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code = code
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        let relative = path.strip_prefix(root).expect("path is under src");
        let first = relative.components().next().expect("path is not empty");
        let module = first
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        Self { path, module, code }
    }

    /// Every `name` in `crate::name` and in `crate::{name, name::..}`.
    fn crate_imports(&self) -> Vec<String> {
        let mut names = Vec::new();
        for tail in self.code.split("crate::").skip(1) {
            match tail.strip_prefix('{') {
                None => names.push(identifier(tail)),
                Some(group) => names.extend(group_heads(group)),
            }
        }
        names
    }
}

fn group_heads(group: &str) -> Vec<String> {
    let mut depth = 0_i32;
    let mut heads = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.push(String::new()),
            _ if depth == 0 => heads.last_mut().expect("never empty").push(c),
            _ => (),
        }
    }
    heads
        .iter()
        .map(|head| identifier(head.trim()))
        .filter(|head| !head.is_empty())
        .collect()
}

fn identifier(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("folder is readable") {
            let path = entry.expect("entry is readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&root, path));
            }
        }
    }
    found
}
