//! What lies in the models' root.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        desired::{DESIRED_FILE, Desired, DesiredError, MAX_DESIRED_BYTES},
        digest::Digest,
        manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest},
        name::{ModelName, Version},
    },
    serving::source::listing::{self, ModelListing, VersionListing},
    storage::ObjectStore,
};

use super::{PublishError, index::read};

/// A model as it lies.
#[derive(Clone, Debug)]
pub struct CatalogModel {
    /// The model.
    pub name: ModelName,
    /// What its owner wants, nothing where it has no `serving.json`; or what is wrong with that.
    pub desired: Result<Desired, DesiredError>,
    /// Its versions.
    pub versions: BTreeMap<Version, CatalogVersion>,
    /// Folders that are no versions.
    pub odd: BTreeSet<String>,
}

/// A version as it lies.
#[derive(Clone, Debug)]
pub struct CatalogVersion {
    /// How it lies.
    pub seal: Seal,
    /// Files in its folder.
    pub files: usize,
    /// Bytes of them.
    pub size: u64,
}

/// Whether a version is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// It is, by a manifest of this digest.
    Sealed(Digest),
    /// It has no manifest.
    Open,
    /// Its manifest has a fault.
    Fault(String),
}

impl CatalogModel {
    /// The versions that are complete.
    #[must_use]
    pub fn sealed(&self) -> Vec<Version> {
        let sealed = self.versions.iter();
        let sealed = sealed.filter(|(_, version)| matches!(version.seal, Seal::Sealed(_)));
        sealed.map(|(version, _)| *version).collect()
    }

    /// Checks that a version is complete.
    ///
    /// # Errors
    /// When it is not, with those that are.
    pub fn has(&self, version: Version) -> Result<(), PublishError> {
        let there = self.sealed();
        if there.contains(&version) {
            return Ok(());
        }
        Err(PublishError::NoVersion {
            model: self.name.clone(),
            version,
            there,
        })
    }
}

/// Every model of a root.
///
/// # Errors
/// When it cannot be read.
pub async fn models(store: &dyn ObjectStore) -> Result<Vec<CatalogModel>, PublishError> {
    let root = listing::group(&store.list("").await?);
    let mut models = Vec::new();
    for (name, listing) in root.models {
        models.push(describe(store, name, &listing).await?);
    }
    Ok(models)
}

/// One model of a root.
///
/// # Errors
/// When there is none of that name, or the root cannot be read.
pub async fn model(
    store: &dyn ObjectStore,
    name: &ModelName,
) -> Result<CatalogModel, PublishError> {
    let mut root = listing::group(&store.list(&format!("{name}/")).await?);
    match root.models.remove(name) {
        Some(listing) => describe(store, name.clone(), &listing).await,
        None => Err(PublishError::NoModel(name.clone())),
    }
}

async fn describe(
    store: &dyn ObjectStore,
    name: ModelName,
    listing: &ModelListing,
) -> Result<CatalogModel, PublishError> {
    let key = format!("{name}/{DESIRED_FILE}").parse()?;
    let desired = match listing.desired {
        Some(_) => read(store, &key, MAX_DESIRED_BYTES).await?,
        None => None,
    };
    let desired = desired.map(|object| Desired::parse(&object.bytes));
    let mut versions = BTreeMap::new();
    for (version, listed) in &listing.versions {
        let described = CatalogVersion {
            seal: seal(store, &name, *version, listed).await?,
            files: listed.files.len(),
            size: listed.size(),
        };
        versions.insert(*version, described);
    }
    Ok(CatalogModel {
        name,
        desired: desired.unwrap_or_else(|| Ok(Desired::default())),
        versions,
        odd: listing.odd.clone(),
    })
}

async fn seal(
    store: &dyn ObjectStore,
    name: &ModelName,
    version: Version,
    listed: &VersionListing,
) -> Result<Seal, PublishError> {
    if listed.manifest.is_none() {
        return Ok(Seal::Open);
    }
    let key = format!("{name}/{version}/{MANIFEST_FILE}").parse()?;
    Ok(match read(store, &key, MAX_MANIFEST_BYTES).await? {
        None => Seal::Open,
        Some(object) => match Manifest::parse(&object.bytes, name, version) {
            Ok(_) => Seal::Sealed(Digest::of(&object.bytes)),
            Err(error) => Seal::Fault(error.to_string()),
        },
    })
}
