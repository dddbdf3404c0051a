//! The source: what lies in the models' root, looked at again and again.
//!
//! One conditional read of `index.json` a poll, whatever the number of models; a listing of
//! everything at the start and now and then as a safety net. Only an owner's word takes a model
//! away: a root that is empty, away or forbidden changes nothing.

mod documents;
pub mod listing;
mod sealed;
mod snapshot;
mod watcher;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    model::{
        index::{INDEX_FILE, Index, MAX_INDEX_BYTES},
        key::Key,
        name::ModelName,
    },
    storage::{Fetched, ObjectStore, StoreError, Tag},
    telemetry::metrics::{Metrics, PollOutcome},
};

use super::manager::Manager;
pub use documents::Layout;
use listing::{ModelListing, RootListing};
use snapshot::{Snapshot, Snapshots};
use watcher::{News, Watcher};

/// Objects that a store lists in one answer.
const PAGE: u32 = 1000;

/// How often the root is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Time between looks at the index.
    pub poll: Duration,
    /// Time between listings of everything, for each 1000 objects there are.
    pub list: Duration,
}

/// Looks at the models' root and tells the manager what is wanted.
#[derive(Debug)]
pub struct Source {
    store: Arc<dyn ObjectStore>,
    manager: Arc<Manager>,
    metrics: Arc<Metrics>,
    rhythm: Rhythm,
    snapshots: Option<Snapshots>,
    watchers: BTreeMap<ModelName, watch::Sender<Option<News>>>,
    /// The index that could be read last.
    index: Index,
    /// The state of the one that was read last, whether it could be or not.
    index_tag: Option<Tag>,
    /// What is wrong with that one, as it was logged.
    index_fault: Option<String>,
    layout: Layout,
    next_listing: Option<Instant>,
    odd: BTreeSet<String>,
    failing: bool,
    looked: watch::Sender<bool>,
}

impl Source {
    /// A source over a store. What it reads of sealed versions is kept in `snapshots`.
    #[must_use]
    pub fn new(
        store: Arc<dyn ObjectStore>,
        manager: Arc<Manager>,
        metrics: Arc<Metrics>,
        rhythm: Rhythm,
        snapshots: &Path,
    ) -> Self {
        let is_local = INDEX_FILE
            .parse()
            .is_ok_and(|key| store.local_path(&key).is_some());
        let snapshots = (!is_local).then(|| Snapshots::of(store.root(), snapshots));
        Self {
            layout: if is_local {
                Layout::AsItLies
            } else {
                Layout::Published
            },
            store,
            manager,
            metrics,
            rhythm,
            snapshots,
            watchers: BTreeMap::new(),
            index: Index::default(),
            index_tag: None,
            index_fault: None,
            next_listing: None,
            odd: BTreeSet::new(),
            failing: false,
            looked: watch::Sender::new(false),
        }
    }

    /// Becomes true once the manager was told of every model that there is, be it by the store or,
    /// where that is away, by the cache.
    #[must_use]
    pub fn looked(&self) -> watch::Receiver<bool> {
        self.looked.subscribe()
    }

    /// Looks for ever.
    pub async fn run(mut self) {
        loop {
            let outcome = match self.look().await {
                Ok(outcome) => {
                    if self.failing {
                        info!(root = self.store.root(), "models' root can be read again");
                    }
                    self.failing = false;
                    outcome
                }
                Err(cause) => {
                    self.fail(&cause);
                    PollOutcome::Failed
                }
            };
            self.metrics.polled(outcome);
            tokio::time::sleep(jitter(self.rhythm.poll)).await;
        }
    }

    fn fail(&mut self, cause: &StoreError) {
        if !self.failing {
            warn!(root = self.store.root(), %cause,
                  "models' root cannot be read; what is loaded serves on");
        }
        self.failing = true;
        if !*self.looked.borrow() {
            self.restore();
        }
    }

    /// Tells the manager what was known when the store was last there.
    fn restore(&mut self) {
        let kept = self
            .snapshots
            .as_ref()
            .map(Snapshots::all)
            .unwrap_or_default();
        if kept.is_empty() {
            return;
        }
        info!(
            models = kept.len(),
            "models of the cache are served until their root is back"
        );
        for (name, snapshot) in kept {
            self.watch(&name, Some(snapshot));
        }
        self.looked.send_replace(true);
    }

    async fn look(&mut self) -> Result<PollOutcome, StoreError> {
        let index = self.read_index().await?;
        let due = self.next_listing.is_none_or(|next| next <= Instant::now());
        if due || self.layout == Layout::AsItLies {
            self.list().await?;
        }
        Ok(if index {
            PollOutcome::Changed
        } else {
            PollOutcome::Unchanged
        })
    }

    /// Reads the index if it changed, and has the models looked at whose lines did.
    async fn read_index(&mut self) -> Result<bool, StoreError> {
        let key: Key = match INDEX_FILE.parse() {
            Ok(key) => key,
            Err(_) => return Ok(false),
        };
        let known = self.index_tag.as_ref();
        let object = match self.store.get(&key, known, MAX_INDEX_BYTES).await {
            Ok(Fetched::Object(object)) => object,
            Ok(Fetched::Unchanged) | Err(StoreError::NotFound(_)) => return Ok(false),
            Err(error @ StoreError::TooLarge { .. }) => {
                self.pass_by_index(error.to_string());
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        self.layout = Layout::Published;
        self.index_tag = Some(object.tag);
        self.index_fault = None;
        let index = match Index::parse(&object.bytes) {
            Ok(index) => index,
            Err(error) => {
                self.pass_by_index(error.to_string());
                return Ok(false);
            }
        };
        let before = std::mem::take(&mut self.index);
        for name in index.changed_since(&before) {
            let withdrawn = index.removed.contains(name);
            // What was removed before anything was known of it is not told of.
            if !withdrawn || self.watchers.contains_key(name) {
                self.tell(name, None, Some(withdrawn));
            }
        }
        self.index = index;
        Ok(true)
    }

    /// An index that cannot be read says that models were published here, and no more.
    fn pass_by_index(&mut self, cause: String) {
        self.layout = Layout::Published;
        if self.index_fault.as_ref() != Some(&cause) {
            warn!(%cause, "index.json cannot be read; models are found by listing");
            self.index_fault = Some(cause);
        }
    }

    /// Lists everything.
    async fn list(&mut self) -> Result<(), StoreError> {
        let listed = self.store.list("").await?;
        let pages = u32::try_from(listed.len()).unwrap_or(u32::MAX) / PAGE + 1;
        self.next_listing = Some(Instant::now() + jitter(self.rhythm.list * pages));
        let RootListing {
            has_index,
            models,
            odd,
        } = listing::group(&listed);
        if has_index {
            self.layout = Layout::Published;
        }
        for folder in odd.difference(&self.odd) {
            warn!(folder, "folder is not named like a model, skipped");
        }
        self.odd = odd;
        let gone = self.watchers.keys();
        let gone = gone.filter(|name| !models.contains_key(*name));
        let gone: Vec<ModelName> = gone.cloned().collect();
        for (name, listing) in models {
            self.tell(&name, Some(listing), None);
        }
        for name in gone {
            self.tell(&name, Some(ModelListing::default()), None);
        }
        self.looked.send_replace(true);
        Ok(())
    }

    fn tell(&mut self, name: &ModelName, listing: Option<ModelListing>, withdrawn: Option<bool>) {
        let layout = self.layout;
        let news = self.watch(name, None);
        news.send_modify(|news| {
            // Withdrawn is withdrawn until the index says otherwise.
            let was = news.as_ref().is_some_and(|news| news.withdrawn);
            *news = Some(News {
                layout,
                listing: listing.map(Arc::new),
                withdrawn: withdrawn.unwrap_or(was),
            });
        });
    }

    /// The way to a model's watcher, which is started where there is none.
    fn watch(
        &mut self,
        name: &ModelName,
        snapshot: Option<Snapshot>,
    ) -> &watch::Sender<Option<News>> {
        self.watchers.entry(name.clone()).or_insert_with(|| {
            self.manager.expect(name);
            let (sender, news) = watch::channel(None);
            let mut watcher = Watcher::new(
                name.clone(),
                Arc::clone(&self.store),
                Arc::clone(&self.manager),
                self.snapshots.clone(),
                self.rhythm.poll,
            );
            if let Some(snapshot) = snapshot {
                watcher.restore(snapshot);
            }
            tokio::spawn(watcher.run(news));
            sender
        })
    }
}

/// A time within a fifth of the given one, so that many servers do not ask at once.
fn jitter(time: Duration) -> Duration {
    time.mul_f64(0.8 + 0.4 * fastrand::f64())
}
