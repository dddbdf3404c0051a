//! The server, put together from its configuration.

mod background;
pub mod core;

use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, oneshot, watch},
};
use tracing::{info, warn};

use crate::{
    config::Config,
    core_client::CoreClient,
    engine::EngineError,
    http::{ApiState, EdgeLimits, Readiness, operations_router, router},
    inference::service::InferenceService,
    storage::{LocationError, StoreError},
    telemetry::metrics::Metrics,
};

use self::core::{ModelCore, image_limits};

/// Longest time for requests to end once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Longest time for models' last runs to end after that.
const LAST_RUNS: Duration = Duration::from_secs(10);

/// Why the server could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The engine did not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The models' root is no place.
    #[error("models: {0}")]
    Root(#[from] LocationError),
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
}

/// A server with its ports open, about to load its models.
#[derive(Debug)]
pub struct App {
    http: TcpListener,
    operations: TcpListener,
    api: Router,
    health: Router,
    readiness: Readiness,
    core: ModelCore,
}

impl App {
    /// Starts the engine, looks for models and opens the ports.
    ///
    /// # Errors
    /// When the engine, the folder of models or a port is not to be had.
    pub async fn start(config: Config) -> Result<Self, AppError> {
        let metrics = Arc::new(Metrics::default());
        let core = ModelCore::start(&config, &metrics).await?;
        let http = bind("http.address", config.http.address).await?;
        let operations = bind("operations.address", config.operations_address).await?;
        let readiness = Readiness::default();
        let limits = &config.limits;
        let api = router(&ApiState {
            service: InferenceService::new(
                CoreClient::InProcess(Arc::clone(&core.manager)),
                limits.decodes,
                image_limits(&config),
                Arc::clone(&metrics),
            ),
            metrics: Arc::clone(&metrics),
            limits: EdgeLimits {
                body_bytes: limits.body_bytes,
                images: limits.images,
                deadline: limits.deadline,
                places: Arc::new(Semaphore::new(limits.requests)),
            },
            cors_origins: config.http.cors_origins.clone().into(),
        });
        let health = operations_router(readiness.clone(), metrics);
        Ok(Self {
            http,
            operations,
            api,
            health,
            readiness,
            core,
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

    /// Serves until `stop` is done, and says through `ready` when the first models can be asked.
    /// Then requests that are being worked on are given time to end.
    ///
    /// # Errors
    /// When a port is lost.
    pub async fn run(
        self,
        ready: oneshot::Sender<()>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), AppError> {
        let (stopping, stopped) = watch::channel(false);
        let operations = serve(self.operations, self.health, stopped.clone());
        let api = serve(self.http, self.api, stopped);
        let notes = self.core.notes.clone();
        let manager = Arc::clone(&self.core.manager);
        let mut core = std::pin::pin!(self.core.run(self.readiness.clone(), ready));
        let mut servers = std::pin::pin!(async { tokio::try_join!(api, operations) });
        tokio::select! {
            ended = &mut servers => return ended.map(drop).map_err(AppError::Serve),
            () = &mut core => (),
            () = stop => (),
        }
        self.readiness.set(false);
        notes.forgive();
        info!("stopping, requests in flight are finished first");
        stopping.send(true).ok();
        let served = match tokio::time::timeout(DRAIN, servers).await {
            Ok(ended) => ended.map(drop).map_err(AppError::Serve),
            Err(_) => {
                warn!(drain_s = DRAIN.as_secs(), "requests were cut off");
                Ok(())
            }
        };
        if tokio::time::timeout(LAST_RUNS, manager.stop())
            .await
            .is_err()
        {
            warn!(
                last_runs_s = LAST_RUNS.as_secs(),
                "models still ran at the end"
            );
        }
        served
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
