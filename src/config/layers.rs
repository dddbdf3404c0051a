//! The layers of configuration, laid over each other and parsed.

use std::{collections::BTreeMap, fmt};

use super::{Config, SETTINGS, reader::Reader};

/// Values by the key of their setting, each with the place it comes from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    values: BTreeMap<&'static str, (String, String)>,
    faults: Vec<String>,
}

/// Every fault of the configuration, never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "the configuration has {count} fault{}",
            if count == 1 { "" } else { "s" }
        )?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Layers {
    /// Lays the text of an `ocellus.toml` over what is there.
    pub fn file(&mut self, name: &str, text: &str) {
        match text.parse::<toml::Table>() {
            Ok(table) => self.table(name, "", &table),
            Err(error) => {
                self.faults.push(format!(
                    "{name} is not TOML: {}",
                    error.to_string().trim_end()
                ));
            }
        }
    }

    fn table(&mut self, name: &str, section: &str, table: &toml::Table) {
        for (key, value) in table {
            let key = if section.is_empty() {
                key.clone()
            } else {
                format!("{section}.{key}")
            };
            let text = match value {
                toml::Value::Table(inner) if section.is_empty() => {
                    self.table(name, &key, inner);
                    continue;
                }
                toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
                toml::Value::String(_)
                | toml::Value::Integer(_)
                | toml::Value::Float(_)
                | toml::Value::Boolean(_)
                | toml::Value::Datetime(_)
                | toml::Value::Table(_) => plain(value),
            };
            match SETTINGS.iter().find(|setting| setting.key == key) {
                Some(setting) => self.set(setting.key, text, format!("{name}: {key}")),
                None => self.faults.push(format!("{name}: {key} is not a setting")),
            }
        }
    }

    /// Lays environment variables over what is there. Those that name no setting are let be: a
    /// cluster sets `OCELLUS_…` variables of its own for a service called ocellus.
    pub fn variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        for setting in SETTINGS {
            if let Some(value) = variables.get(&setting.variable()) {
                self.set(setting.key, value.clone(), setting.variable());
            }
        }
    }

    /// Lays the process's own environment over what is there.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads it"
    )]
    pub fn environment(&mut self) {
        let text = |name: &std::ffi::OsString| name.to_str().map(str::to_owned);
        let variables = std::env::vars_os();
        self.variables(variables.filter_map(|(key, value)| Some((text(&key)?, text(&value)?))));
    }

    /// Lays one flag over what is there.
    pub fn flag(&mut self, key: &'static str, value: String) {
        self.set(key, value, format!("--{}", key.replace(['.', '_'], "-")));
    }

    fn set(&mut self, key: &'static str, value: String, origin: String) {
        self.values.insert(key, (value, origin));
    }

    /// Parses every value.
    ///
    /// # Errors
    /// All faults, each with the place it comes from, its value and what is allowed.
    pub fn parse(self) -> Result<Config, ConfigFaults> {
        Reader::new(self.values, self.faults).config()
    }
}

fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use crate::provider::Provider;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_defaults_are_sound() {
        let config = Layers::default().parse().expect("sound");
        assert_eq!(config.http.address.to_string(), "127.0.0.1:8080");
        assert_eq!(config.limits.deadline, Duration::from_secs(30));
        assert_eq!(config.engine.library, None);
        assert_eq!(config.providers, [Provider::Cpu]);
    }

    #[test]
    fn flags_go_over_variables_and_those_over_the_file() {
        let mut layers = Layers::default();
        layers.file(
            "ocellus.toml",
            "models = \"a\"\n[limits]\nimages = 3\nimage_side = 4",
        );
        layers.variables(variables(&[
            ("OCELLUS_LIMITS_IMAGES", "5"),
            ("OCELLUS_PORT", "tcp://"),
        ]));
        layers.flag("models", "c".to_owned());
        let config = layers.parse().expect("sound");
        assert_eq!((config.limits.image_side, config.limits.images), (4, 5));
        assert_eq!(config.models, PathBuf::from("c"));
    }

    #[test]
    fn every_fault_is_reported_at_once_with_its_place() {
        let mut layers = Layers::default();
        layers.file(
            "ocellus.toml",
            "model = \"a\"\n[http]\naddress = 8080\n[log]\nformat = \"xml\"",
        );
        layers.variables(variables(&[("OCELLUS_LIMITS_IMAGES", "many")]));
        layers.flag("limits.deadline_ms", "0".to_owned());
        layers.flag("providers", "cpu,cuda".to_owned());
        insta::assert_snapshot!(layers.parse().expect_err("has faults"));
    }
}
