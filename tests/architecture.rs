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

/// Pure modules: no runtime, no network, no clock, no file system.
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
const IMPURE_CRATES: &[&str] = &["tokio", "axum", "reqwest", "ort"];
const IMPURE_STD: &[&str] = &["fs", "net"];
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now"];

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
        for used in source.imports("crate") {
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
        let mut blame = |name: &str| {
            faults.push(format!("{}: names `{name}`", source.path.display()));
        };
        for library in IMPURE_CRATES {
            if source.names(&format!("{library}::")) {
                blame(library);
            }
        }
        for used in source.imports("std") {
            if IMPURE_STD.contains(&used.as_str()) {
                blame(&format!("std::{used}"));
            }
        }
        for clock in CLOCKS {
            if source.names(clock) {
                blame(clock);
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
            // The app joins the two ends of the edge, so it alone also holds a router.
            if source.names(path) && source.module != *owner && source.module != "app" {
                faults.push(format!("{}: names `{path}`", source.path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_a_file_names_is_found() {
    let source = Source::of(
        PathBuf::new(),
        "error".to_owned(),
        "#[cfg(test)]\nmod fixture;\nuse std::{\n    fs,\n    time::{Duration, Instant},\n};\n\
         use std::net::IpAddr; // std::env\nuse crate::{model::{key, name}, tensor};\n\
         let a = transport::b + ort::c + crate::geometry::Size;\n\
         #[cfg(test)]\nmod tests {\n    use std::thread;\n}\n",
    );
    assert_eq!(source.imports("std"), ["fs", "time", "net"]);
    assert_eq!(source.imports("crate"), ["model", "tensor", "geometry"]);
    assert!(source.names("ort::") && !source.names("port::"));
    let other = Source::of(PathBuf::new(), String::new(), "transport::b");
    assert!(!other.names("ort::"));
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
    /// Text up to the module of tests, without `//` comments.
    code: String,
}

/// Where a file's own tests begin. A module of tests in a file of its own may be named anywhere.
const TESTS: &str = "#[cfg(test)]\nmod tests {";

impl Source {
    fn read(root: &Path, path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).expect("source is readable");
        let relative = path.strip_prefix(root).expect("path is under src");
        let first = relative.components().next().expect("path is not empty");
        let module = first
            .as_os_str()
            .to_string_lossy()
            .trim_end_matches(".rs")
            .to_owned();
        Self::of(path, module, &text)
    }

    fn of(path: PathBuf, module: String, text: &str) -> Self {
        let code = text.split(TESTS).next().unwrap_or_default();
        let code = code
            .lines()
            .map(|line| line.split("//").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        Self { path, module, code }
    }

    /// What follows each place where the code names a path, and not merely one that ends like it.
    fn after<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
        self.code
            .match_indices(path)
            .map(move |(start, _)| self.code.split_at(start))
            .filter(move |(before, _)| !before.ends_with(is_of_name))
            .map(move |(_, rest)| rest.split_at(path.len()).1)
    }

    fn names(&self, path: &str) -> bool {
        self.after(path).next().is_some()
    }

    /// Every `name` in `root::name` and in `root::{name, name::..}`.
    fn imports(&self, root: &str) -> Vec<String> {
        let mut names = Vec::new();
        for tail in self.after(&format!("{root}::")) {
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
