//! The table of settings. Flags, variables, the keys of `ocellus.toml` and the table in the
//! README all come from it.

mod edges;
mod models;
mod work;

use super::fetch;

/// One setting: its key and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key in `ocellus.toml`, `section.name`.
    pub key: &'static str,
    /// What its value is, in one word.
    pub value: &'static str,
    /// The value where none is given.
    pub default: &'static str,
    /// What it does, with its unit.
    pub help: &'static str,
    /// When another value of it counts.
    pub change: Change,
}

/// When another value of a setting counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Once the configuration is read anew, while the server goes on.
    AtOnce,
    /// When the server is started the next time.
    AtStart,
}

impl Setting {
    /// Its environment variable: `http.address` is `OCELLUS_HTTP_ADDRESS`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("OCELLUS_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// Its flag, without dashes: `http.address` is `http-address`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }
}

/// Every setting, in the order in which people read about them.
pub const SETTINGS: &[Setting] = &joined([models::MODELS, edges::EDGES, fetch::FETCH, work::WORK]);

const COUNT: usize =
    models::MODELS.len() + edges::EDGES.len() + fetch::FETCH.len() + work::WORK.len();

#[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
const fn joined(parts: [&[Setting]; 4]) -> [Setting; COUNT] {
    let mut all = [models::MODELS[0]; COUNT];
    let (mut part, mut at, mut next) = (0, 0, 0);
    while part < parts.len() {
        if at < parts[part].len() {
            all[next] = parts[part][at];
            (at, next) = (at + 1, next + 1);
        } else {
            (part, at) = (part + 1, 0);
        }
    }
    all
}
