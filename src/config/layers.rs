//! The layers of configuration, laid over each other and parsed.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::provider::{self, Provider};

use super::{
    Cache, Config, Engine, Grpc, Http, Limits, Log, LogFormat, Queue, S3, SETTINGS, Source,
};

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
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut values = Reader {
            values: self.values,
            faults: self.faults,
        };
        let config = Config {
            models: values.text("models"),
            providers: values.providers("providers"),
            s3: values.s3(),
            source: Source {
                poll: Duration::from_millis(values.number("source.poll_ms", 10, 3_600_000)),
                list: Duration::from_millis(values.number("source.list_ms", 10, 86_400_000)),
            },
            cache: Cache {
                folder: PathBuf::from(values.text("cache.folder")),
                bytes: values.number("cache.bytes", 1 << 20, 1 << 50),
            },
            http: Http {
                address: values.address("http.address"),
                cors_origins: values.list("http.cors_origins"),
            },
            grpc: Grpc {
                address: values.address("grpc.address"),
                message_bytes: values.number("grpc.message_bytes", 1 << 20, 1 << 31),
            },
            cores: values.list("core"),
            operations_address: values.address("operations.address"),
            limits: values.limits(processors),
            engine: Engine {
                library: Some(values.text("engine.library"))
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
                threads: match values.number("engine.threads", 0, 256) {
                    0 => (processors / 2).max(1),
                    count => count,
                },
                instances: values.number("engine.instances", 1, 64),
                memory_bytes: match values.number("engine.memory_bytes", 0, 1 << 50) {
                    0 => None,
                    bytes => Some(bytes),
                },
            },
            queue: Queue {
                pictures: values.number("queue.pictures", 1, 1 << 20),
                bytes: values.number("queue.bytes", 1 << 20, 1 << 40),
            },
            log: Log {
                filter: values.text("log.filter"),
                format: values.format("log.format"),
            },
        };
        if values.faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigFaults(values.faults))
        }
    }
}

fn plain(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

struct Reader {
    values: BTreeMap<&'static str, (String, String)>,
    faults: Vec<String>,
}

impl Reader {
    fn text(&self, key: &str) -> String {
        let default = || {
            SETTINGS
                .iter()
                .find(|setting| setting.key == key)
                .map(|s| s.default)
        };
        match self.values.get(key) {
            Some((value, _)) => value.clone(),
            None => default().unwrap_or_default().to_owned(),
        }
    }

    fn fault(&mut self, key: &str, allowed: &str) {
        let (value, origin) = self.values.get(key).cloned().unwrap_or_default();
        self.faults
            .push(format!("{origin} is {value:?}, must be {allowed}"));
    }

    fn number<T: TryFrom<u64> + Default>(&mut self, key: &str, min: u64, max: u64) -> T {
        let number = self
            .text(key)
            .parse::<u64>()
            .ok()
            .filter(|n| (min..=max).contains(n));
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => number,
            None => {
                self.fault(key, &format!("a whole number from {min} to {max}"));
                T::default()
            }
        }
    }

    fn address(&mut self, key: &str) -> SocketAddr {
        self.text(key).parse().unwrap_or_else(|_| {
            self.fault(
                key,
                "an IP address and a port, like 127.0.0.1:8080 or [::1]:8080",
            );
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn list(&self, key: &str) -> Vec<String> {
        let text = self.text(key);
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn limits(&mut self, processors: usize) -> Limits {
        Limits {
            body_bytes: self.number("limits.body_bytes", 1024, 1 << 30),
            images: self.number("limits.images", 1, 1024),
            image_pixels: self.number("limits.image_pixels", 1, 1_000_000_000),
            image_side: self.number("limits.image_side", 1, 65_535),
            decodes: match self.number("limits.decodes", 0, 1024) {
                0 => processors,
                count => count,
            },
            requests: self.number("limits.requests", 1, 100_000),
            deadline: Duration::from_millis(self.number("limits.deadline_ms", 1, 600_000)),
        }
    }

    fn s3(&mut self) -> S3 {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let endpoint = given(self.text("s3.endpoint"));
        let is_url = |text: &String| text.starts_with("http://") || text.starts_with("https://");
        if !endpoint.as_ref().is_none_or(is_url) {
            self.fault("s3.endpoint", "a URL like http://127.0.0.1:8333");
        }
        let path_style = match self.text("s3.path_style").as_str() {
            "auto" => endpoint.is_some(),
            "yes" => true,
            "no" => false,
            _ => {
                self.fault("s3.path_style", "yes, no or auto");
                false
            }
        };
        S3 {
            endpoint,
            region: given(self.text("s3.region")),
            path_style,
        }
    }

    fn providers(&mut self, key: &str) -> Vec<Provider> {
        provider::parse_list(&self.text(key)).unwrap_or_else(|| {
            self.fault(key, provider::ALLOWED);
            Vec::new()
        })
    }

    fn format(&mut self, key: &str) -> LogFormat {
        match self.text(key).as_str() {
            "auto" => LogFormat::Auto,
            "human" => LogFormat::Human,
            "json" => LogFormat::Json,
            _ => {
                self.fault(key, "auto, human or json");
                LogFormat::Auto
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
