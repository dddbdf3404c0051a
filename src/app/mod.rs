//! The server, put together from its configuration.

mod background;
pub mod core;
mod cores;
mod edges;
mod error;
mod live;
mod ports;
mod reload;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use futures_util::future::OptionFuture;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tracing::{error, info, warn};

use crate::{
    access::{gate::Gate, policy::Policy},
    config::Config,
    core_client::{CoreClient, remote::CorePool},
    grpc::GrpcState,
    http::{operations_router, router},
    inference::{memory::MemoryBudget, service::InferenceService},
    serving::manager::Manager,
    telemetry::{logs::LogFilter, metrics::Metrics, readiness::Readiness},
    transport::Transport,
};

use self::core::ModelCore;
use edges::{api_state, callers, clients, operators};
use live::Live;
use ports::{bind, serve, serve_calls, stopped};

pub use edges::service_limits;
pub use error::AppError;
pub use reload::{NotReloaded, Reloader};

/// Longest time for requests to end once the server is told to stop. With [`LAST_RUNS`] it is out
/// within 20 s, which leaves room in the 30 s that Kubernetes gives.
const DRAIN: Duration = Duration::from_secs(15);

/// Longest time for models' last runs to end after that.
const LAST_RUNS: Duration = Duration::from_secs(4);

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Gateway and model core, over HTTP.
    Serve,
    /// Gateway and model core, over HTTP and gRPC.
    ServeGrpc,
    /// A model core, over gRPC.
    Core,
    /// A gateway to model cores, over HTTP.
    Gateway,
}

/// A server with its ports open, about to load its models.
#[derive(Debug)]
pub struct App {
    http: Option<(TcpListener, Router, Transport)>,
    grpc: Option<(TcpListener, GrpcState, Transport)>,
    operations: (TcpListener, Router, Transport),
    readiness: Readiness,
    models: Models,
    gate: Gate,
    live: Live,
    config: Config,
    stopping: watch::Sender<bool>,
}

/// Where the models are.
#[derive(Debug)]
enum Models {
    Here(Box<ModelCore>),
    There(Arc<CorePool>),
}

impl Models {
    /// Those of a role, and the way to them.
    async fn of(
        config: &Config,
        role: Role,
        metrics: &Arc<Metrics>,
    ) -> Result<(CoreClient, Self), AppError> {
        match role {
            Role::Serve | Role::ServeGrpc | Role::Core => {
                let core = ModelCore::start(config, metrics).await?;
                let client = CoreClient::InProcess(Arc::clone(&core.manager));
                Ok((client, Self::Here(Box::new(core))))
            }
            Role::Gateway => {
                let pool = cores::pool(config)?;
                Ok((CoreClient::Remote(Arc::clone(&pool)), Self::There(pool)))
            }
        }
    }
}

impl App {
    /// Starts the engine, looks for models and opens the ports.
    ///
    /// # Errors
    /// When the engine, the folder of models or a port is not to be had.
    pub async fn start(config: Config, role: Role) -> Result<Self, AppError> {
        let metrics = Arc::new(Metrics::default());
        let (client, models) = Models::of(&config, role, &metrics).await?;
        let gate = Gate::new(Policy::open(&config.access, None).await?);
        let live = Live::new(&config);
        let service =
            InferenceService::new(client, service_limits(&config, role), Arc::clone(&metrics));
        let readiness = Readiness::default();
        let uploads = MemoryBudget::new("limits.upload_bytes", config.limits.upload_bytes);
        let (stopping, stopped) = watch::channel(false);
        let http = match role {
            Role::Serve | Role::ServeGrpc | Role::Gateway => {
                let listener = bind("http.address", config.http.address).await?;
                let edge = (
                    service.clone(),
                    gate.clone(),
                    uploads.clone(),
                    readiness.clone(),
                );
                let state = api_state(&config, edge, &live, &metrics)?;
                Some((listener, router(&state), clients(&config)?))
            }
            Role::Core => None,
        };
        let grpc = match role {
            Role::ServeGrpc | Role::Core => {
                let listener = bind("grpc.address", config.grpc.address).await?;
                let state = GrpcState {
                    service,
                    gate: gate.clone(),
                    readiness: readiness.clone(),
                    limits: live.calls.subscribe(),
                    message_bytes: config.grpc.message_bytes,
                    uploads,
                    relayed: MemoryBudget::new("limits.tensor_bytes", config.limits.tensor_bytes),
                    stopped,
                };
                Some((listener, state, callers(&config)?))
            }
            Role::Serve | Role::Gateway => None,
        };
        let operations = bind("operations.address", config.operations_address).await?;
        let health = operations_router(readiness.clone(), metrics);
        Ok(Self {
            http,
            grpc,
            operations: (operations, health, operators(&config)),
            readiness,
            models,
            gate,
            live,
            config,
            stopping,
        })
    }

    /// Takes over other values of settings, while this server goes on.
    #[must_use]
    pub fn reloader(&self, log: LogFilter) -> Reloader {
        let http = self.http.iter().map(|(_, _, transport)| transport);
        let grpc = self.grpc.iter().map(|(_, _, transport)| transport);
        let tls = http.chain(grpc).filter_map(|edge| edge.tls.clone());
        Reloader::new(
            &self.config,
            self.gate.clone(),
            self.live.clone(),
            tls.collect(),
            log,
        )
    }

    /// The address of the API and the page, where this process has them.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref()?.0.local_addr().ok()
    }

    /// Whether the API is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        let http = self.http.as_ref();
        http.is_some_and(|(_, _, transport)| transport.tls.is_some())
    }

    /// Whether gRPC is encrypted.
    #[must_use]
    pub fn is_grpc_encrypted(&self) -> bool {
        let grpc = self.grpc.as_ref();
        grpc.is_some_and(|(_, _, transport)| transport.tls.is_some())
    }

    /// Whether only this machine is served, as no key is configured.
    #[must_use]
    pub fn is_for_this_machine(&self) -> bool {
        self.gate.is_for_this_machine()
    }

    /// The address of gRPC, where this process has it.
    #[must_use]
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc.as_ref()?.0.local_addr().ok()
    }

    /// The address of health and metrics.
    #[must_use]
    pub fn operations_address(&self) -> Option<SocketAddr> {
        self.operations.0.local_addr().ok()
    }

    /// Serves until `stop` is done, and says through `ready` when the first models can be asked.
    /// Then requests that are being worked on are given time to end.
    ///
    /// # Errors
    /// When a port is lost, or the device that models run on.
    pub async fn run(
        self,
        ready: oneshot::Sender<()>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), AppError> {
        let stopped = || stopped(self.stopping.subscribe());
        let api = serve(self.http, stopped());
        let calls = serve_calls(self.grpc, stopped());
        // Whoever asks meanwhile is told that it is not ready, and what is left to do.
        let drained = watch::Sender::new(false);
        let operations = serve(Some(self.operations), ports::stopped(drained.subscribe()));
        let (manager, notes) = match &self.models {
            Models::Here(core) => (Some(Arc::clone(&core.manager)), Some(core.notes.clone())),
            Models::There(_) => (None, None),
        };
        let readiness = self.readiness.clone();
        let mut models = std::pin::pin!(async {
            match self.models {
                Models::Here(core) => core.run(readiness, ready).await,
                Models::There(pool) => cores::follow(pool, readiness, ready).await,
            }
        });
        let edges = async {
            let served = tokio::try_join!(api, calls);
            drained.send_replace(true);
            served
        };
        let mut servers = std::pin::pin!(async { tokio::try_join!(edges, operations) });
        let device_lost = OptionFuture::from(manager.as_ref().map(|manager| manager.device_lost()));
        let lost = tokio::select! {
            ended = &mut servers => return ended.map(drop).map_err(AppError::Serve),
            () = &mut models => None,
            () = self.gate.follow() => None,
            () = stop => None,
            Some(words) = device_lost => Some(words),
        };
        self.readiness.set(false);
        if let Some(notes) = notes {
            notes.forgive();
        }
        match &lost {
            Some(words) => error!(reason = words, "the device that models run on is lost"),
            None => info!("stopping, requests in flight are finished first"),
        }
        self.stopping.send(true).ok();
        let served = match tokio::time::timeout(DRAIN, servers).await {
            Ok(ended) => ended.map(drop).map_err(AppError::Serve),
            Err(_) => {
                warn!(drain_s = DRAIN.as_secs(), "requests were cut off");
                Ok(())
            }
        };
        if let Some(manager) = manager {
            end_models(&manager).await;
        }
        match lost {
            Some(words) => Err(AppError::DeviceLost(words)),
            None => served,
        }
    }
}

/// Lets the last runs of every model end.
async fn end_models(manager: &Manager) {
    let stopped = tokio::time::timeout(LAST_RUNS, manager.stop()).await;
    if stopped.is_err() {
        warn!(
            last_runs_s = LAST_RUNS.as_secs(),
            "models still ran at the end"
        );
    }
}
