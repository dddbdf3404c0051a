//! `ocellus.v1.Catalog`: every model of this core, for gateways to follow; and `grpc.health.v1`,
//! which follows the same changes.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use futures_util::{Stream, stream};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    core_client::catalog,
    error::Problem,
    proto::{
        generated::ocellus::{Model, WatchRequest, WatchResponse, catalog_server::Catalog},
        status::status,
    },
    protocols::open_inference,
    telemetry::readiness::Readiness,
};

use super::{GrpcState, guard::Streamed};

/// Changes that come close together go into one message.
const GATHER: Duration = Duration::from_millis(5);

/// Longest time between two looks at whether this process is ready.
const LOOK: Duration = Duration::from_millis(500);

type Changes = Pin<Box<dyn Stream<Item = Result<WatchResponse, Status>> + Send>>;

/// The service.
#[derive(Clone, Debug)]
pub(super) struct CatalogService(pub(super) GrpcState);

#[tonic::async_trait]
impl Catalog for CatalogService {
    type WatchStream = Changes;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Changes>, Status> {
        let watcher = Watcher {
            call: self.0.streamed(&request)?,
            readiness: self.0.readiness.clone(),
            changes: self.0.core().changes(),
            sent: None,
        };
        let stopped = self.0.stopped.clone();
        // Ends when the server is stopped, so that gateways turn elsewhere.
        let messages = stream::try_unfold((watcher, stopped), |(mut watcher, mut stopped)| async {
            let message = tokio::select! {
                message = watcher.next() => message.map(Some),
                _ = stopped.wait_for(|stopped| *stopped) => Ok(None),
            };
            let message = message.map_err(|problem| status(&problem))?;
            Ok(message.map(|message| (message, (watcher, stopped))))
        });
        Ok(Response::new(Box::pin(messages)))
    }
}

/// What one gateway was told, and where news comes from.
struct Watcher {
    call: Streamed,
    readiness: Readiness,
    changes: watch::Receiver<u64>,
    sent: Option<(bool, BTreeMap<String, Model>)>,
}

impl Watcher {
    /// What changed since the message before, as soon as anything did.
    ///
    /// # Errors
    /// Why the caller may not know any more.
    async fn next(&mut self) -> Result<WatchResponse, Problem> {
        loop {
            self.changes.borrow_and_update();
            let settled = self.readiness.is_ready();
            let models = self.call.look().await?.models();
            let now = models
                .iter()
                .map(|model| (model.name.to_string(), catalog::model(model)));
            let now: BTreeMap<String, Model> = now.collect();
            let is_news = |(name, model): &(&String, &Model)| match &self.sent {
                Some((_, sent)) => sent.get(*name) != Some(*model),
                None => true,
            };
            let news = now.iter().filter(is_news).map(|(_, model)| model.clone());
            let models: Vec<Model> = news.collect();
            let told = self.sent.as_ref().map(|(settled, _)| *settled);
            if !models.is_empty() || told != Some(settled) {
                self.sent = Some((settled, now));
                return Ok(WatchResponse { models, settled });
            }
            tokio::time::timeout(LOOK, self.changes.changed())
                .await
                .ok();
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// Keeps what `grpc.health.v1` says true: of the whole server, of the inference services, for ever.
pub(super) async fn report_health(state: GrpcState, health: HealthReporter) {
    let names = ["", open_inference::SERVICE];
    let mut changes = state.core().changes();
    let mut told = None;
    loop {
        changes.borrow_and_update();
        let ready = state.readiness.is_ready();
        // Whoever watches is woken by each.
        if told != Some(ready) {
            let status = if ready {
                ServingStatus::Serving
            } else {
                ServingStatus::NotServing
            };
            for name in names {
                health.set_service_status(name, status).await;
            }
            told = Some(ready);
        }
        tokio::time::timeout(LOOK, changes.changed()).await.ok();
    }
}
