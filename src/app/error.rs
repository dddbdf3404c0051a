//! Why a server does not start.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{
    access::policy::PolicyError,
    core_client::remote::AddressError,
    engine::EngineError,
    fetch::NoClient,
    storage::{LocationError, StoreError},
    transport::TlsError,
};

/// Why the server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The engine did not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The models' root is no place.
    #[error("models: {0}")]
    Root(#[from] LocationError),
    /// A model core's address is none.
    #[error(transparent)]
    Cores(#[from] AddressError),
    /// A gateway was told of no model core.
    #[error("core names no model core; --core http://127.0.0.1:8500 does")]
    NoCore,
    /// The folder of models is not there.
    #[error(
        "the folder of models {} is not there; `make models` makes the demo models, --models names \
         another folder or a bucket", .0.display()
    )]
    NoFolder(PathBuf),
    /// The models' root cannot be opened.
    #[error("models: {0}")]
    Store(#[from] StoreError),
    /// The cache's folder cannot be written.
    #[error("cache.folder {} cannot be used: {error}", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The system gives no threads for loads.
    #[error("no threads for loading models: {0}")]
    Background(#[source] io::Error),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Who is let in cannot be read.
    #[error(transparent)]
    Access(#[from] PolicyError),
    /// Pictures cannot be fetched.
    #[error("fetch.schemes: pictures cannot be fetched: {0}")]
    Fetch(#[from] NoClient),
    /// A port could not be opened.
    #[error("{setting} {address} cannot be opened: {error}")]
    Bind {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The device that models run on is lost to this process.
    #[error(
        "the device that models run on is lost: {0}; it may serve a new process, so this one ended, \
         to be started again"
    )]
    DeviceLost(String),
    /// A server ended by itself.
    #[error("the server ended: {0}")]
    Serve(#[source] io::Error),
}
