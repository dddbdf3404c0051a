//! One model's documents as they were last read, and what they ask of the manager.

use std::{collections::BTreeMap, sync::Arc};

use tracing::debug;

use crate::{
    model::{
        desired::{DESIRED_FILE, Desired, MAX_DESIRED_BYTES, VersionPolicy},
        digest::Digest,
        manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES},
        name::{ModelName, Version},
    },
    serving::aspired::{AspiredModel, AspiredVersion, HeldBack, ModelFault, VersionFiles},
    storage::{Fetched, Object, ObjectStore, StoreError, Tag},
};

use super::{
    listing::{ModelListing, VersionListing},
    sealed::Sealed,
    snapshot::{KeptManifest, Snapshot},
};

/// How the models' root is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Versions are published: one without a manifest is not complete.
    Published,
    /// A folder of this machine without an index: versions are taken as they lie.
    AsItLies,
}

/// One model's documents.
#[derive(Debug, Default)]
pub(super) struct Documents {
    desired_tag: Option<Tag>,
    desired: Option<Desired>,
    desired_fault: Option<String>,
    manifests: BTreeMap<Version, Sealed>,
    /// Versions that nobody sealed, as they lay at the look before; `None` before the first.
    seen: Option<BTreeMap<Version, Digest>>,
    /// Those that lay still from one look to the next.
    still: BTreeMap<Version, Digest>,
}

impl Documents {
    /// Reads the documents that changed since they were last read. Those that cannot be read now
    /// stay as they were.
    ///
    /// # Errors
    /// The first failure, after all others were read.
    pub(super) async fn read(
        &mut self,
        store: &dyn ObjectStore,
        name: &ModelName,
        listing: &ModelListing,
    ) -> Result<(), StoreError> {
        let mut failure = self.read_desired(store, name, listing).await.err();
        self.manifests.retain(|version, _| {
            let listed = listing.versions.get(version);
            listed.is_some_and(|version| version.manifest.is_some())
        });
        for (version, listed) in &listing.versions {
            let Some(tag) = &listed.manifest else {
                continue;
            };
            let known = self.manifests.get(version);
            if known.is_some_and(|known| known.tag == *tag) {
                continue;
            }
            let key = format!("{version}/{MANIFEST_FILE}");
            match document(store, name, &key, MAX_MANIFEST_BYTES).await {
                Ok(Some(object)) => {
                    let sealed = Sealed::read(tag.clone(), &object.bytes, name, *version);
                    self.manifests.insert(*version, sealed);
                }
                Ok(None) => debug!(model.name = %name, "a manifest vanished while it was read"),
                Err(StoreError::TooLarge { size, limit, .. }) => {
                    let reason =
                        format!("manifest.json has {size} bytes, at most {limit} are read");
                    let sealed = Sealed::refused(tag.clone(), reason);
                    self.manifests.insert(*version, sealed);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    async fn read_desired(
        &mut self,
        store: &dyn ObjectStore,
        name: &ModelName,
        listing: &ModelListing,
    ) -> Result<(), StoreError> {
        if self.desired_tag == listing.desired {
            return Ok(());
        }
        let sealed = listing
            .versions
            .values()
            .any(|version| version.manifest.is_some());
        if listing.desired.is_none() && !sealed {
            // An emptied folder says nothing of what is wanted.
            return Ok(());
        }
        let object = match listing.desired {
            Some(_) => document(store, name, DESIRED_FILE, MAX_DESIRED_BYTES).await?,
            None => None,
        };
        match object.map(|object| Desired::parse(&object.bytes)) {
            Some(Ok(desired)) => (self.desired, self.desired_fault) = (Some(desired), None),
            Some(Err(error)) => self.desired_fault = Some(error.to_string()),
            None => (self.desired, self.desired_fault) = (None, None),
        }
        self.desired_tag.clone_from(&listing.desired);
        Ok(())
    }

    /// What the documents ask of the manager.
    pub(super) fn aspired(
        &mut self,
        store: &Arc<dyn ObjectStore>,
        name: &ModelName,
        listing: &ModelListing,
        layout: Layout,
    ) -> AspiredModel {
        let mut aspired = self.sealed(store, name, Some(listing));
        let unsealed = listing.versions.iter();
        let unsealed = unsealed.filter(|(_, listed)| listed.manifest.is_none());
        match layout {
            Layout::Published => {
                let pending = unsealed.map(|(version, _)| (*version, HeldBack::Pending));
                aspired.held_back.extend(pending);
            }
            Layout::AsItLies => {
                let unsealed: Vec<_> = unsealed.collect();
                self.watch_still(&unsealed);
                let lying = unsealed.into_iter().filter_map(|(version, listed)| {
                    let content = *self.still.get(version)?;
                    let contract = format!("{name}/{version}/model.toml").parse().ok()?;
                    let folder = store.local_path(&contract)?.parent()?.to_owned();
                    Some(AspiredVersion {
                        version: *version,
                        content,
                        size: listed.size(),
                        files: VersionFiles::Folder(folder),
                    })
                });
                aspired.versions.extend(lying);
            }
        }
        if layout == Layout::AsItLies && self.desired.is_none() {
            aspired.policy = VersionPolicy::All;
        }
        let odd = listing.odd.iter().cloned().map(ModelFault::NotAVersion);
        aspired.faults = odd.collect();
        let fault = self.desired_fault.clone().map(ModelFault::Desired);
        aspired.faults.extend(fault);
        aspired
    }

    /// Takes over the versions that lie as they lay at the look before, so that one that is just
    /// being copied is let be. At the first look there is nothing to wait for.
    fn watch_still(&mut self, unsealed: &[(&Version, &VersionListing)]) {
        let seen = unsealed
            .iter()
            .map(|(version, listed)| (**version, listed.fingerprint()));
        let seen: BTreeMap<Version, Digest> = seen.collect();
        let before = self.seen.replace(seen.clone());
        self.still.retain(|version, _| seen.contains_key(version));
        for (version, content) in seen {
            let was = before.as_ref().map(|before| before.get(&version));
            if was.is_none_or(|was| was == Some(&content)) {
                self.still.insert(version, content);
            }
        }
    }

    /// What sealed versions and the desired state ask.
    fn sealed(
        &self,
        store: &Arc<dyn ObjectStore>,
        name: &ModelName,
        listing: Option<&ModelListing>,
    ) -> AspiredModel {
        let mut aspired = AspiredModel::new(name.clone());
        for (version, sealed) in &self.manifests {
            let lying = listing.and_then(|listing| listing.versions.get(version));
            match sealed.whole(lying) {
                Ok(manifest) => aspired.versions.push(AspiredVersion {
                    version: *version,
                    content: sealed.content,
                    size: manifest.size(),
                    files: VersionFiles::Sealed {
                        store: Arc::clone(store),
                        manifest: Arc::clone(manifest),
                    },
                }),
                Err(reason) => {
                    aspired.held_back.insert(*version, reason);
                }
            }
        }
        if let Some(desired) = &self.desired {
            aspired.labels.clone_from(&desired.labels);
            if let Some(policy) = &desired.policy {
                aspired.policy.clone_from(policy);
            }
        }
        aspired
    }

    /// What is worth keeping for a start without the store.
    pub(super) fn snapshot(&self) -> Snapshot {
        let sealed = self.manifests.values().filter_map(|sealed| {
            let manifest = sealed.manifest.as_deref().ok()?.clone();
            Some(KeptManifest {
                content: sealed.content,
                manifest,
            })
        });
        Snapshot {
            desired: self.desired.clone(),
            sealed: sealed.collect(),
        }
    }

    /// The documents of a snapshot, and what they ask.
    pub(super) fn restore(
        &mut self,
        snapshot: Snapshot,
        store: &Arc<dyn ObjectStore>,
        name: &ModelName,
    ) -> AspiredModel {
        self.desired = snapshot.desired;
        for KeptManifest { content, manifest } in snapshot.sealed {
            let version = manifest.version;
            let sealed = Sealed::restored(content, manifest);
            self.manifests.insert(version, sealed);
        }
        self.sealed(store, name, None)
    }

    /// Whether any version is sealed.
    pub(super) fn has_sealed(&self) -> bool {
        !self.manifests.is_empty()
    }
}

async fn document(
    store: &dyn ObjectStore,
    name: &ModelName,
    path: &str,
    limit: usize,
) -> Result<Option<Object>, StoreError> {
    let key = format!("{name}/{path}");
    let key = key.parse().map_err(|_| StoreError::NotFound(key.clone()))?;
    match store.get(&key, None, limit).await {
        Ok(Fetched::Object(object)) => Ok(Some(object)),
        Ok(Fetched::Unchanged) | Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
