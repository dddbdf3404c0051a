//! One core: the way to it, and what it said of its models.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::timeout};
use tonic::{
    Status, Streaming,
    transport::{Channel, Endpoint},
};
use tracing::{info, warn};

use crate::{
    core_client::catalog,
    model::name::ModelName,
    proto::generated::{
        inference::grpc_inference_service_client::GrpcInferenceServiceClient,
        ocellus::{WatchRequest, WatchResponse, catalog_client::CatalogClient},
    },
    serving::state::ModelStatus,
    transport::{ClientTls, Connector},
};

use super::refusals::Refusals;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// Longest wait for the first word of a core.
const FIRST_WORD: Duration = Duration::from_secs(5);

/// A core that says nothing is asked after that long, and given up after as long again.
const KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Waits between tries to reach a core: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What a core said of its models.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Whether it can be reached.
    pub(super) connected: bool,
    /// Whether it has tried every model.
    pub(super) settled: bool,
    /// Its models; the last that were known, while it cannot be reached.
    pub(super) models: BTreeMap<ModelName, ModelStatus>,
}

/// Why a core's address is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("core: {address} is no address of a model core, like http://127.0.0.1:8500: {reason}")]
pub struct AddressError {
    /// What was given.
    pub address: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A core.
#[derive(Debug)]
pub(super) struct RemoteCore {
    /// Where it is.
    pub(super) address: String,
    channel: Channel,
    message_bytes: usize,
    view: RwLock<View>,
    in_flight: AtomicUsize,
    /// What it would not begin lately.
    pub(super) refusals: Refusals,
}

/// A request that a core works on, for as long as this lives.
pub(super) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl RemoteCore {
    /// A core at an address, which need not answer yet.
    pub(super) fn new(
        address: String,
        message_bytes: usize,
        tls: Option<Arc<ClientTls>>,
    ) -> Result<Self, AddressError> {
        let wrong = |reason: String| AddressError {
            address: address.clone(),
            reason,
        };
        let endpoint =
            Endpoint::from_shared(address.clone()).map_err(|error| wrong(error.to_string()))?;
        match (endpoint.uri().scheme_str(), &tls) {
            (Some("http"), None) | (Some("https"), Some(_)) => (),
            (Some("http"), Some(_)) => {
                return Err(wrong("grpc.tls_ca is set, so it begins with https".into()));
            }
            (Some("https"), None) => {
                return Err(wrong("https needs grpc.tls_ca, to know it by".into()));
            }
            _ => return Err(wrong("it begins with neither http nor https".into())),
        }
        let channel = endpoint
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .http2_adaptive_window(true)
            .tcp_nodelay(true)
            .connect_with_connector_lazy(Connector { tls });
        Ok(Self {
            address,
            channel,
            message_bytes,
            view: RwLock::default(),
            in_flight: AtomicUsize::new(0),
            refusals: Refusals::default(),
        })
    }

    pub(super) fn inference(&self) -> GrpcInferenceServiceClient<Channel> {
        GrpcInferenceServiceClient::new(self.channel.clone())
            .max_decoding_message_size(self.message_bytes)
            .max_encoding_message_size(self.message_bytes)
    }

    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that it works on for this gateway.
    pub(super) fn load(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    /// Follows its catalogue, for ever.
    pub(super) async fn follow(&self, changed: &watch::Sender<u64>) {
        let mut wait = RETRY.0;
        let mut is_told = false;
        loop {
            let cause = match self.watch().await {
                Ok((first, messages)) => {
                    info!(core = self.address, "model core reached");
                    (wait, is_told) = (RETRY.0, false);
                    self.listen(first, messages, changed).await
                }
                Err(cause) => cause,
            };
            let was = {
                let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut view.connected)
            };
            if was {
                warn!(
                    core = self.address,
                    reason = cause.message(),
                    "model core lost"
                );
                changed.send_modify(|count| *count += 1);
            } else if !is_told {
                warn!(
                    core = self.address,
                    reason = cause.message(),
                    "model core cannot be reached; it is tried again and again"
                );
            }
            is_told = true;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY.1);
        }
    }

    async fn watch(&self) -> Result<(WatchResponse, Streaming<WatchResponse>), Status> {
        let begin = async {
            let mut client = CatalogClient::new(self.channel.clone())
                .max_decoding_message_size(self.message_bytes);
            let mut messages = client.watch(WatchRequest {}).await?.into_inner();
            let first = messages.message().await?;
            let first = first.ok_or_else(|| Status::unavailable("it sent no catalogue"))?;
            Ok((first, messages))
        };
        let late = |_| Status::deadline_exceeded("it did not answer");
        timeout(FIRST_WORD, begin).await.map_err(late)?
    }

    /// Takes over what it says, until it says no more.
    async fn listen(
        &self,
        first: WatchResponse,
        mut messages: Streaming<WatchResponse>,
        changed: &watch::Sender<u64>,
    ) -> Status {
        self.take_over(first, true);
        loop {
            changed.send_modify(|count| *count += 1);
            match messages.message().await {
                Ok(Some(message)) => self.take_over(message, false),
                Ok(None) => return Status::unavailable("it is being stopped"),
                Err(cause) => return cause,
            }
        }
    }

    fn take_over(&self, message: WatchResponse, afresh: bool) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        if afresh {
            view.models.clear();
            view.connected = true;
        }
        view.settled = message.settled;
        for model in message.models {
            let name = model.name.clone();
            match catalog::status(model) {
                Ok(status) => drop(view.models.insert(status.name.clone(), status)),
                Err(reason) => {
                    warn!(core = self.address, model.name = name, %reason,
                          "a model of the core's catalogue cannot be understood");
                }
            }
        }
    }
}
