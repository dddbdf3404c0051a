//! Configuration: one tree, read before any port opens, all faults reported together.
//! Defaults are overridden by `ocellus.toml`, that by `OCELLUS_*` variables, those by flags.

mod access;
mod fetch;
mod layers;
mod reader;
mod settings;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use crate::provider::Provider;

pub use access::{Access, Jwks, Tokens};
pub use fetch::{Fetch, Schemes};
pub use layers::{ConfigFaults, Layers};
pub use reader::is_url;
pub use settings::{Change, SETTINGS, Setting};

/// Everything that can be set, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where models live: a folder, or `s3://bucket/prefix`.
    pub models: String,
    /// On what models are run where a contract does not say, in order of preference.
    pub providers: Vec<Provider>,
    /// How a bucket is reached.
    pub s3: S3,
    /// How often the root is looked at.
    pub source: Source,
    /// Where versions of a bucket are kept.
    pub cache: Cache,
    /// Where clients are served.
    pub http: Http,
    /// Who may do what.
    pub access: Access,
    /// Where gRPC is served.
    pub grpc: Grpc,
    /// Model cores that a gateway asks.
    pub cores: Vec<String>,
    /// Where health and metrics are served.
    pub operations_address: SocketAddr,
    /// How pictures are fetched that requests name by URL.
    pub fetch: Fetch,
    /// What a request may cost.
    pub limits: Limits,
    /// How models are run.
    pub engine: Engine,
    /// How much may wait for one model version.
    pub queue: Queue,
    /// How the server speaks of its work.
    pub log: Log,
    /// What each setting is, as text.
    texts: BTreeMap<&'static str, String>,
}

impl Config {
    /// The settings that another configuration has otherwise.
    pub fn differences(&self, other: &Self) -> impl Iterator<Item = &'static Setting> {
        let differs =
            |setting: &&Setting| self.texts.get(setting.key) != other.texts.get(setting.key);
        SETTINGS.iter().filter(differs)
    }
}

/// Where clients are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address of the API and the page.
    pub address: SocketAddr,
    /// How the API is encrypted; `None` for no TLS.
    pub tls: Option<TlsFiles>,
    /// Most connections at a time.
    pub connections: usize,
    /// Longest wait for the head of a request.
    pub head: Duration,
    /// Origins whose pages may call the API; empty for none but its own, `*` for all.
    pub cors_origins: Vec<String>,
    /// Proxies that are believed where a request came from.
    pub trusted_proxies: Vec<IpNet>,
}

/// The files of one end of encrypted connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The section of the settings that name them, like `http`.
    pub section: &'static str,
    /// The certificate chain that it shows, and its private key, both PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The certificates, PEM, by one of which the other end's must be signed.
    pub ca: Option<PathBuf>,
}

/// Where gRPC is served, and how model cores are asked over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// Its address.
    pub address: SocketAddr,
    /// How it is encrypted; `None` for no TLS.
    pub tls: Option<TlsFiles>,
    /// Largest message, in bytes.
    pub message_bytes: usize,
}

/// How a bucket is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3 {
    /// Address of an S3-compatible store; `None` for AWS.
    pub endpoint: Option<String>,
    /// Region of the bucket; `None` for what AWS's tools read.
    pub region: Option<String>,
    /// Whether the bucket is in the path instead of the host name.
    pub path_style: bool,
}

/// How often the models' root is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Time between looks at its index.
    pub poll: Duration,
    /// Time between listings, for each 1000 objects.
    pub list: Duration,
}

/// Where versions of a bucket are kept on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The folder.
    pub folder: PathBuf,
    /// Most bytes in it.
    pub bytes: u64,
}

/// How much may wait for one model version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Most pictures.
    pub pictures: usize,
    /// Most bytes of their tensors.
    pub bytes: usize,
}

/// What a request may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body, in bytes.
    pub body_bytes: usize,
    /// Most pictures in one request.
    pub images: usize,
    /// Most pixels of a picture.
    pub image_pixels: u64,
    /// Longest side of a picture, in pixels.
    pub image_side: u32,
    /// Most memory for the bodies of all requests, in bytes.
    pub upload_bytes: u64,
    /// Most memory for pictures that are being decoded, in bytes.
    pub decode_bytes: u64,
    /// Most memory for the model inputs of all requests, in bytes.
    pub tensor_bytes: u64,
    /// Pictures that are decoded at the same time.
    pub decodes: usize,
    /// Requests that are worked on at the same time; more are refused.
    pub requests: usize,
    /// Longest wait that a request is let in for.
    pub wait: Duration,
    /// Longest time for a request.
    pub deadline: Duration,
}

/// How models are run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// ONNX Runtime's library; `None` to look in the usual places.
    pub library: Option<PathBuf>,
    /// Threads that compute one run, where a contract does not say.
    pub threads: usize,
    /// Copies of a model that run side by side, where a contract does not say.
    pub instances: usize,
    /// Most memory that loaded models may take, in bytes; `None` for a part of the machine's.
    pub memory_bytes: Option<u64>,
}

/// How the server speaks of its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What is logged, in `tracing`'s filter syntax.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// In which form log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}
