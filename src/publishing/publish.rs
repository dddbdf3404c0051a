//! A folder becomes a version: claim a number, upload, seal with the manifest, then the index.
//!
//! Until the manifest is there no server loads anything. Whatever step a publisher is stopped at,
//! the same command goes on from there: the claim says what is being published.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::{
    model::{
        digest::Digest,
        index::VersionKey,
        key::Key,
        manifest::{MANIFEST_FILE, MAX_MANIFEST_BYTES, Manifest, ManifestFile},
        name::{ModelName, Version},
    },
    serving::source::listing::{self, ModelListing},
    storage::{ObjectStore, StoreError, WriteIf},
};

use super::{PublishError, index, seal, workbench};

/// Says what is being published as a version, while it is. The manifest to be.
pub const CLAIM_FILE: &str = "publishing.json";

/// Publishers that may take one number after the other before it is given up.
const NUMBERS: usize = 100;

/// What is to be published.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The folder with `model.onnx`, `model.toml` and what they name.
    pub folder: PathBuf,
    /// The model.
    pub model: ModelName,
    /// The version; `None` for the number after the highest there is.
    pub version: Option<Version>,
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The version.
    pub version: Version,
    /// Digest of its manifest.
    pub digest: Digest,
    /// It was complete before.
    pub was_there: bool,
}

/// Progress, for whoever watches.
pub trait Progress: Send + Sync {
    /// So many bytes are to be uploaded, as this version.
    fn begin(&self, version: Version, bytes: u64);
    /// So many more have gone.
    fn sent(&self, bytes: u64);
}

/// Publishes a folder. Its soundness is for the caller to check, see [`super::trial`].
///
/// # Errors
/// When the folder cannot be read, the version is there with other content, or the root cannot be
/// read or written. The same call goes on where this one ended.
pub async fn publish(
    store: &dyn ObjectStore,
    publication: &Publication,
    progress: &dyn Progress,
) -> Result<Published, PublishError> {
    workbench::spare(store).await?;
    let folder = publication.folder.clone();
    let sealed = spawn_blocking(move || seal::files(&folder)).await;
    let files = sealed.map_err(|error| PublishError::Unsound(error.to_string()))??;
    let model = &publication.model;
    let claimed = claim(store, model, publication.version, &files).await?;
    let (manifest, bytes) = (claimed.manifest, claimed.bytes);
    let (version, digest) = (manifest.version, Digest::of(&bytes));
    if !claimed.was_there {
        let way = (publication.folder.as_path(), claimed.resumes);
        upload(store, way, (&manifest, &bytes), progress).await?;
        unchanged(&publication.folder, &manifest).await?;
        seal_with(store, &manifest, &bytes).await?;
    }
    index::update(store, |index| {
        let line = index.models.entry(model.clone()).or_default();
        line.versions.insert(VersionKey(version), digest);
        index.removed.remove(model);
    })
    .await?;
    store.delete(&key(model, version, CLAIM_FILE)?).await?;
    Ok(Published {
        version,
        digest,
        was_there: claimed.was_there,
    })
}

struct Claimed {
    manifest: Manifest,
    bytes: Bytes,
    was_there: bool,
    /// These same files were begun to be published before: what is there is of them.
    resumes: bool,
}

/// Finds the version that these files are or become, and claims it.
async fn claim(
    store: &dyn ObjectStore,
    model: &ModelName,
    asked: Option<Version>,
    files: &[ManifestFile],
) -> Result<Claimed, PublishError> {
    for _ in 0..NUMBERS {
        let mut root = listing::group(&store.list(&format!("{model}/")).await?);
        let there = root.models.remove(model).unwrap_or_default();
        let version = match asked {
            Some(version) => version,
            None => match begun(store, model, &there, files).await? {
                Some(version) => version,
                None => next(&there)?,
            },
        };
        let manifest = Manifest::new(model.clone(), version, files.to_vec())?;
        let bytes = Bytes::from(manifest.to_bytes()?);
        let sealed = document(store, model, version, MANIFEST_FILE).await?;
        let claimed = |was_there, resumes| Claimed {
            manifest: manifest.clone(),
            bytes: bytes.clone(),
            was_there,
            resumes,
        };
        match sealed {
            Some(sealed) if sealed == bytes => return Ok(claimed(true, true)),
            Some(_) if asked.is_some() => {
                let model = model.clone();
                return Err(PublishError::Sealed { model, version });
            }
            Some(_) => continue,
            None => (),
        }
        // A version that was asked for by number is taken over from whoever left it open.
        let when = if asked.is_some() {
            WriteIf::Always
        } else {
            WriteIf::Absent
        };
        let before = document(store, model, version, CLAIM_FILE).await?;
        let resumes = before.is_some_and(|before| before == bytes);
        match store
            .put(&key(model, version, CLAIM_FILE)?, bytes.clone(), when)
            .await
        {
            Ok(_) => return Ok(claimed(false, resumes)),
            Err(StoreError::Changed(_)) if resumes => return Ok(claimed(false, true)),
            Err(StoreError::Changed(_)) => (),
            Err(error) => return Err(error.into()),
        }
    }
    Err(PublishError::Contended(model.to_string()))
}

/// The version that these same files are already, or were begun to be published as: only the
/// newest two are looked at, an older one is published anew.
async fn begun(
    store: &dyn ObjectStore,
    model: &ModelName,
    there: &ModelListing,
    files: &[ManifestFile],
) -> Result<Option<Version>, PublishError> {
    for version in there.versions.keys().rev().take(2) {
        for path in [MANIFEST_FILE, CLAIM_FILE] {
            let bytes = document(store, model, *version, path).await?;
            let manifest = bytes.and_then(|bytes| Manifest::parse(&bytes, model, *version).ok());
            if manifest.is_some_and(|manifest| manifest.files == files) {
                return Ok(Some(*version));
            }
        }
    }
    Ok(None)
}

fn next(there: &ModelListing) -> Result<Version, PublishError> {
    let highest = there
        .versions
        .keys()
        .next_back()
        .map_or(0, |version| version.get());
    Ok(highest.saturating_add(1).to_string().parse()?)
}

/// Uploads the files that are not there yet; all of them where the claim that was there was not of
/// this content.
async fn upload(
    store: &dyn ObjectStore,
    (folder, resumes): (&Path, bool),
    (manifest, bytes): (&Manifest, &Bytes),
    progress: &dyn Progress,
) -> Result<(), PublishError> {
    let (model, version) = (&manifest.model, manifest.version);
    let listed = listing::group(&store.list(&format!("{model}/{version}/")).await?);
    let there = listed
        .models
        .get(model)
        .and_then(|model| model.versions.get(&version));
    progress.begin(version, manifest.size());
    for file in &manifest.files {
        let is_there = there.and_then(|there| there.files.get(&file.path));
        if resumes && is_there.is_some_and(|(size, _)| *size == file.size) {
            progress.sent(file.size);
            continue;
        }
        // Nothing is written into a version that another publisher sealed meanwhile.
        is_ours(store, manifest, bytes).await?;
        let sent = |bytes| progress.sent(bytes);
        let key = key(model, version, &file.path)?;
        store.upload(&key, &folder.join(&file.path), &sent).await?;
    }
    Ok(())
}

/// Checks that the files are still those that the manifest lists: what was uploaded was read later.
async fn unchanged(folder: &Path, manifest: &Manifest) -> Result<(), PublishError> {
    let read = folder.to_owned();
    let now = spawn_blocking(move || seal::files(&read)).await;
    let now = now.map_err(|error| PublishError::Unsound(error.to_string()))??;
    if now == manifest.files {
        return Ok(());
    }
    let folder = folder.display();
    Err(PublishError::Unsound(format!(
        "files of {folder} were changed while they were uploaded; publish again"
    )))
}

/// Checks that no other publisher has taken the version over.
async fn is_ours(
    store: &dyn ObjectStore,
    manifest: &Manifest,
    bytes: &Bytes,
) -> Result<(), PublishError> {
    let (model, version) = (&manifest.model, manifest.version);
    for path in [CLAIM_FILE, MANIFEST_FILE] {
        let there = document(store, model, version, path).await?;
        if there.is_some_and(|there| there != *bytes) {
            return Err(taken(manifest));
        }
    }
    Ok(())
}

fn taken(manifest: &Manifest) -> PublishError {
    PublishError::TakenOver {
        model: manifest.model.clone(),
        version: manifest.version,
    }
}

/// Writes the manifest, unless another publisher has taken the version over.
async fn seal_with(
    store: &dyn ObjectStore,
    manifest: &Manifest,
    bytes: &Bytes,
) -> Result<(), PublishError> {
    let (model, version) = (&manifest.model, manifest.version);
    is_ours(store, manifest, bytes).await?;
    let key = key(model, version, MANIFEST_FILE)?;
    match store.put(&key, bytes.clone(), WriteIf::Absent).await {
        Ok(_) => Ok(()),
        Err(StoreError::Changed(_)) => {
            let other = document(store, model, version, MANIFEST_FILE).await?;
            let is_same = other.is_some_and(|other| other == *bytes);
            if is_same {
                Ok(())
            } else {
                Err(taken(manifest))
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn key(model: &ModelName, version: Version, path: &str) -> Result<Key, PublishError> {
    Ok(format!("{model}/{version}/{path}").parse()?)
}

async fn document(
    store: &dyn ObjectStore,
    model: &ModelName,
    version: Version,
    path: &str,
) -> Result<Option<Bytes>, PublishError> {
    let object = index::read(store, &key(model, version, path)?, MAX_MANIFEST_BYTES).await?;
    Ok(object.map(|object| object.bytes))
}
