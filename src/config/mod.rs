//! Configuration: one tree, read once before any port opens, all faults reported together.
//! Defaults are overridden by `ocellus.toml`, that by `OCELLUS_*` variables, those by flags.

mod layers;
mod settings;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

pub use layers::{ConfigFaults, Layers};
pub use settings::{SETTINGS, Setting};

/// Everything that can be set, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Folder of models: `<model>/<version>/model.onnx`.
    pub models: PathBuf,
    /// Where clients are served.
    pub http: Http,
    /// Where health and metrics are served.
    pub operations_address: SocketAddr,
    /// What a request may cost.
    pub limits: Limits,
    /// How models are run.
    pub engine: Engine,
    /// How the server speaks of its work.
    pub log: Log,
}

/// Where clients are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address of the API and the page.
    pub address: SocketAddr,
    /// Origins whose pages may call the API; empty for none but its own, `*` for all.
    pub cors_origins: Vec<String>,
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
    /// Pictures that are decoded at the same time.
    pub decodes: usize,
    /// Requests that are worked on at the same time; more are refused.
    pub requests: usize,
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
