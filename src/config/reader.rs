//! Values parsed as their settings want them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

use crate::provider::{self, Provider};

use super::{
    Cache, Config, Engine, Grpc, Http, Limits, Log, LogFormat, Queue, S3, SETTINGS, Source,
    TlsFiles, fetch, layers::ConfigFaults,
};

/// Whether an address says how it is asked, over http or https.
#[must_use]
pub fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// Reads values by the key of their setting, and notes every fault on the way.
pub(super) struct Reader {
    values: BTreeMap<&'static str, (String, String)>,
    faults: Vec<String>,
}

impl Reader {
    pub(super) fn new(
        values: BTreeMap<&'static str, (String, String)>,
        faults: Vec<String>,
    ) -> Self {
        Self { values, faults }
    }

    /// Every value parsed, or every fault.
    pub(super) fn config(mut self) -> Result<Config, ConfigFaults> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let config = Config {
            models: self.text("models"),
            providers: self.providers("providers"),
            s3: self.s3(),
            source: Source {
                poll: Duration::from_millis(self.number("source.poll_ms", 10, 3_600_000)),
                list: Duration::from_millis(self.number("source.list_ms", 10, 86_400_000)),
            },
            cache: Cache {
                folder: PathBuf::from(self.text("cache.folder")),
                bytes: self.number("cache.bytes", 1 << 20, 1 << 50),
            },
            http: self.http(),
            grpc: self.grpc(),
            access: self.access(),
            cores: self.list("core"),
            operations_address: self.address("operations.address"),
            fetch: fetch::read(&mut self),
            limits: self.limits(processors),
            engine: Engine {
                library: self.file("engine.library"),
                threads: match self.number("engine.threads", 0, 256) {
                    0 => (processors / 2).max(1),
                    count => count,
                },
                instances: self.number("engine.instances", 1, 64),
                memory_bytes: match self.number("engine.memory_bytes", 0, 1 << 50) {
                    0 => None,
                    bytes => Some(bytes),
                },
            },
            queue: Queue {
                pictures: self.number("queue.pictures", 1, 1 << 20),
                bytes: self.number("queue.bytes", 1 << 20, 1 << 40),
            },
            log: Log {
                filter: self.text("log.filter"),
                format: self.format("log.format"),
            },
            texts: SETTINGS
                .iter()
                .map(|setting| (setting.key, self.text(setting.key)))
                .collect(),
        };
        if self.faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigFaults(self.faults))
        }
    }

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

    /// A text that is not empty.
    pub(super) fn given(&self, key: &str) -> Option<String> {
        Some(self.text(key)).filter(|text| !text.is_empty())
    }

    pub(super) fn fault(&mut self, key: &str, allowed: &str) {
        let value = self.text(key);
        let origin = self.origin(key);
        self.faults
            .push(format!("{origin} is {value:?}, must be {allowed}"));
    }

    /// A fault of a value that may hold a secret.
    pub(super) fn secret_fault(&mut self, key: &str, allowed: &str) {
        let origin = self.origin(key);
        self.faults.push(format!("{origin} must be {allowed}"));
    }

    /// Where a value comes from; its setting, where none is given.
    fn origin(&self, key: &str) -> String {
        let given = self.values.get(key);
        given.map_or_else(|| key.to_owned(), |(_, origin)| origin.clone())
    }

    pub(super) fn number<T: TryFrom<u64> + Default>(&mut self, key: &str, min: u64, max: u64) -> T {
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

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let text = self.text(key);
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn http(&mut self) -> Http {
        let identity = self.identity("http.tls_certificate", "http.tls_key");
        let tls = identity.map(|identity| TlsFiles {
            section: "http",
            identity: Some(identity),
            ca: None,
        });
        Http {
            address: self.address("http.address"),
            tls,
            connections: self.number("http.connections", 1, 1 << 20),
            head: Duration::from_millis(self.number("http.head_ms", 100, 3_600_000)),
            cors_origins: self.list("http.cors_origins"),
            trusted_proxies: self.networks("http.trusted_proxies"),
        }
    }

    pub(super) fn networks(&mut self, key: &str) -> Vec<IpNet> {
        let networks = self.list(key).into_iter().map(|text| {
            let network = text.parse();
            network.or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        });
        networks.collect::<Result<_, _>>().unwrap_or_else(|_| {
            self.fault(
                key,
                "addresses or networks like 10.0.0.0/8, separated by commas",
            );
            Vec::new()
        })
    }

    fn limits(&mut self, processors: usize) -> Limits {
        Limits {
            body_bytes: self.number("limits.body_bytes", 1024, 1 << 30),
            images: self.number("limits.images", 1, 1024),
            image_pixels: self.number("limits.image_pixels", 1, 1_000_000_000),
            image_side: self.number("limits.image_side", 1, 65_535),
            upload_bytes: self.number("limits.upload_bytes", 1 << 20, 1 << 43),
            decode_bytes: self.number("limits.decode_bytes", 1 << 20, 1 << 43),
            tensor_bytes: self.number("limits.tensor_bytes", 1 << 20, 1 << 43),
            decodes: match self.number("limits.decodes", 0, 1024) {
                0 => processors,
                count => count,
            },
            requests: self.number("limits.requests", 1, 100_000),
            wait: Duration::from_millis(self.number("limits.wait_ms", 1, 600_000)),
            deadline: Duration::from_millis(self.number("limits.deadline_ms", 1, 600_000)),
        }
    }

    fn grpc(&mut self) -> Grpc {
        let identity = self.identity("grpc.tls_certificate", "grpc.tls_key");
        let ca = self.file("grpc.tls_ca");
        let tls = (identity.is_some() || ca.is_some()).then_some(TlsFiles {
            section: "grpc",
            identity,
            ca,
        });
        Grpc {
            address: self.address("grpc.address"),
            tls,
            message_bytes: self.number("grpc.message_bytes", 1 << 20, 1 << 31),
        }
    }

    /// A certificate chain and its key, of which neither goes without the other.
    fn identity(&mut self, certificate: &str, key: &str) -> Option<(PathBuf, PathBuf)> {
        match (self.file(certificate), self.file(key)) {
            (None, None) => None,
            (Some(chain), Some(private)) => Some((chain, private)),
            (None, Some(_)) => {
                self.fault(certificate, &format!("given, as {key} is"));
                None
            }
            (Some(_), None) => {
                self.fault(key, &format!("given, as {certificate} is"));
                None
            }
        }
    }

    fn file(&self, key: &str) -> Option<PathBuf> {
        self.given(key).map(PathBuf::from)
    }

    fn s3(&mut self) -> S3 {
        let endpoint = self.given("s3.endpoint");
        if !endpoint.as_deref().is_none_or(is_url) {
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
            region: self.given("s3.region"),
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
