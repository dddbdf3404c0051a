//! The server, put together from its configuration.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot, watch},
};
use tracing::{info, warn};

use crate::{
    config::Config,
    engine::{EngineError, Runtime},
    http::{ApiState, EdgeLimits, Readiness, operations_router, router},
    inference::{core_client::CoreClient, service::InferenceService},
    preprocess::ImageLimits,
    serving::{
        loader::LoadContext,
        manager::Manager,
        source::{AspiredVersion, SourceError, aspired_versions},
    },
    telemetry::metrics::Metrics,
};

/// Longest time for requests to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Why the server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The engine did not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The folder of models could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
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
    /// A server ended by itself.
    #[error("the server ended: {0}")]
    Serve(#[source] io::Error),
    /// No version of any model could be loaded.
    #[error("no model can be served:\n{}", .0.join("\n"))]
    NothingToServe(Vec<String>),
}

/// A server with its ports open, about to load its models.
#[derive(Debug)]
pub struct App {
    http: TcpListener,
    operations: TcpListener,
    api: Router,
    health: Router,
    readiness: Readiness,
    manager: Arc<Manager>,
    aspired: Vec<AspiredVersion>,
}

impl App {
    /// Starts the engine, looks for models and opens the ports.
    ///
    /// # Errors
    /// When the engine, the folder of models or a port is not to be had.
    pub async fn start(config: Config) -> Result<Self, AppError> {
        let metrics = Arc::new(Metrics::default());
        let context = LoadContext {
            runtime: Runtime::start(config.engine.library.as_deref())?,
            threads: config.engine.threads,
            instances: config.engine.instances,
            metrics: Arc::clone(&metrics),
        };
        let aspired = aspired_versions(&config.models)?;
        let http = bind("http.address", config.http.address).await?;
        let operations = bind("operations.address", config.operations_address).await?;
        let manager = Arc::new(Manager::new(context));
        let readiness = Readiness::default();
        let limits = &config.limits;
        let api = router(&ApiState {
            service: InferenceService::new(
                CoreClient::InProcess(Arc::clone(&manager)),
                limits.decodes,
                ImageLimits {
                    max_pixels: limits.image_pixels,
                    max_side: limits.image_side,
                },
                Arc::clone(&metrics),
            ),
            metrics: Arc::clone(&metrics),
            limits: EdgeLimits {
                body_bytes: limits.body_bytes,
                images: limits.images,
                deadline: limits.deadline,
                places: Arc::new(Semaphore::new(limits.requests)),
            },
            cors_origins: config.http.cors_origins.into(),
        });
        let health = operations_router(readiness.clone(), metrics);
        Ok(Self {
            http,
            operations,
            api,
            health,
            readiness,
            manager,
            aspired,
        })
    }

    /// The address of the API and the page.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn http_address(&self) -> io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// The address of health and metrics.
    ///
    /// # Errors
    /// When the system does not know it.
    pub fn operations_address(&self) -> io::Result<SocketAddr> {
        self.operations.local_addr()
    }

    /// Loads the models, says so through `ready`, and serves until `stop` is done. Then requests
    /// that are being worked on are given time to end.
    ///
    /// # Errors
    /// When no model can be served, or a port is lost.
    pub async fn run(
        self,
        ready: oneshot::Sender<()>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), AppError> {
        let (stopping, stopped) = watch::channel(false);
        let operations = serve(self.operations, self.health, stopped.clone());
        let api = serve(self.http, self.api, stopped);
        let loading = async {
            let failed = self.manager.load(self.aspired).await;
            let served = self
                .manager
                .models()
                .iter()
                .any(|m| m.default_version().is_some());
            if !served {
                return Err(AppError::NothingToServe(failed));
            }
            if !failed.is_empty() {
                warn!(
                    failed = failed.len(),
                    "some model versions cannot be served"
                );
            }
            self.readiness.set(true);
            ready.send(()).ok();
            Ok(())
        };
        let mut servers = std::pin::pin!(async { tokio::try_join!(api, operations) });
        let mut stop = std::pin::pin!(stop);
        let work = async {
            tokio::select! {
                loaded = loading => loaded?,
                () = &mut stop => return Ok(()),
            }
            stop.await;
            Ok::<(), AppError>(())
        };
        tokio::select! {
            ended = &mut servers => return ended.map(drop).map_err(AppError::Serve),
            worked = work => worked?,
        }
        self.readiness.set(false);
        info!("stopping, requests in flight are finished first");
        stopping.send(true).ok();
        match tokio::time::timeout(DRAIN, servers).await {
            Ok(ended) => ended.map(drop).map_err(AppError::Serve),
            Err(_) => {
                warn!(drain_s = DRAIN.as_secs(), "requests were cut off");
                Ok(())
            }
        }
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<TcpListener, AppError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| AppError::Bind {
            setting,
            address,
            error,
        })
}

async fn serve(
    listener: TcpListener,
    routes: Router,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let stopped = async move {
        stopped.wait_for(|stopped| *stopped).await.ok();
    };
    axum::serve(listener, routes)
        .with_graceful_shutdown(stopped)
        .await
}
