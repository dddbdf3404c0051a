//! The watch over one model's folder: a task of its own, so that a slow or broken folder holds up
//! no other.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tracing::warn;

use crate::{
    model::name::ModelName,
    serving::{aspired::AspiredModel, manager::Manager},
    storage::{ObjectStore, StoreError},
};

use super::{
    documents::{Documents, Layout},
    listing::{self, ModelListing},
    snapshot::{Snapshot, Snapshots},
};

/// What the source tells a watcher.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub layout: Layout,
    /// The model's folder as it lies; `None` to have it looked at.
    pub listing: Option<Arc<ModelListing>>,
    /// The model was taken out of the index.
    pub withdrawn: bool,
}

/// The watch over one model's folder.
#[derive(Debug)]
pub(super) struct Watcher {
    pub name: ModelName,
    pub store: Arc<dyn ObjectStore>,
    pub manager: Arc<Manager>,
    pub snapshots: Option<Snapshots>,
    /// Wait before a document that could not be read is asked for again.
    pub retry: Duration,
    documents: Documents,
    told: Option<AspiredModel>,
    kept: Snapshot,
}

impl Watcher {
    pub(super) fn new(
        name: ModelName,
        store: Arc<dyn ObjectStore>,
        manager: Arc<Manager>,
        snapshots: Option<Snapshots>,
        retry: Duration,
    ) -> Self {
        Self {
            name,
            store,
            manager,
            snapshots,
            retry,
            documents: Documents::default(),
            told: None,
            kept: Snapshot::default(),
        }
    }

    /// Tells the manager what was known when the store was last there.
    pub(super) fn restore(&mut self, snapshot: Snapshot) {
        self.kept = snapshot.clone();
        let aspired = self.documents.restore(snapshot, &self.store, &self.name);
        self.tell(aspired);
    }

    /// Follows the news until the source ends.
    pub(super) async fn run(mut self, mut news: watch::Receiver<Option<News>>) {
        let mut last = String::new();
        loop {
            let latest = news.borrow_and_update().clone();
            let looked = match latest {
                Some(latest) => self.look(latest).await,
                None => Ok(()),
            };
            let fault = looked.map_or_else(|cause| cause.to_string(), |()| String::new());
            if !fault.is_empty() && fault != last {
                warn!(model.name = %self.name, cause = fault,
                      "model's documents cannot be read now");
            }
            let changed = if fault.is_empty() {
                news.changed().await
            } else {
                let retry = tokio::time::timeout(self.retry, news.changed());
                retry.await.unwrap_or(Ok(()))
            };
            if changed.is_err() {
                return;
            }
            last = fault;
        }
    }

    async fn look(&mut self, news: News) -> Result<(), StoreError> {
        let listing = match news.listing {
            Some(listing) => listing,
            None => Arc::new(self.list().await?),
        };
        let read = self
            .documents
            .read(self.store.as_ref(), &self.name, &listing)
            .await;
        let (store, name) = (&self.store, &self.name);
        let mut aspired = self.documents.aspired(store, name, &listing, news.layout);
        aspired.withdrawn = news.withdrawn && !self.documents.has_sealed();
        let snapshot = self.documents.snapshot();
        if let Some(snapshots) = self.snapshots.as_ref().filter(|_| snapshot != self.kept) {
            // A folder that lost everything without being withdrawn is worth remembering.
            if aspired.withdrawn || !snapshot.sealed.is_empty() {
                snapshots.keep(&self.name, &snapshot);
                self.kept = snapshot;
            }
        }
        self.tell(aspired);
        read
    }

    fn tell(&mut self, aspired: AspiredModel) {
        if self.told.as_ref() != Some(&aspired) {
            self.told = Some(aspired.clone());
            self.manager.set_aspired(aspired);
        }
    }

    async fn list(&self) -> Result<ModelListing, StoreError> {
        let listed = self.store.list(&format!("{}/", self.name)).await?;
        Ok(listing::group(&listed)
            .models
            .remove(&self.name)
            .unwrap_or_default())
    }
}
