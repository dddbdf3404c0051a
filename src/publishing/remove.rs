//! Versions and models taken away by their owner.

use crate::{
    model::{
        index::VersionKey,
        manifest::MANIFEST_FILE,
        name::{ModelName, Version},
    },
    storage::ObjectStore,
};

use super::{PublishError, catalog, desired, index, workbench};

/// Removes a version: its manifest first, so that no server takes it for complete, then its line in
/// the index, then its files. The same call finishes what was broken off.
///
/// # Errors
/// When a label names it, there is none, or the root cannot be read or written.
pub async fn remove_version(
    store: &dyn ObjectStore,
    model: &ModelName,
    version: Version,
) -> Result<(), PublishError> {
    workbench::spare(store).await?;
    let there = catalog::model(store, model).await?;
    if !there.versions.contains_key(&version) {
        there.has(version)?;
    }
    let wanted = there.desired?;
    let mut labels = wanted.labels.iter();
    if let Some((label, _)) = labels.find(|(_, target)| **target == version) {
        return Err(PublishError::Labelled {
            model: model.clone(),
            version,
            label: label.clone(),
        });
    }
    if wanted.promoted.contains(&version) {
        desired::change(store, model, |desired| {
            desired.forget(version);
            Ok(())
        })
        .await?;
    }
    let manifest = format!("{model}/{version}/{MANIFEST_FILE}").parse()?;
    store.delete(&manifest).await?;
    index::update(store, |index| {
        if let Some(line) = index.models.get_mut(model) {
            line.versions.remove(&VersionKey(version));
        }
    })
    .await?;
    delete_all(store, &format!("{model}/{version}/")).await
}

/// Removes a model with all its versions. Servers unload it once its line in the index is gone.
///
/// # Errors
/// When there is none, or the root cannot be read or written.
pub async fn remove_model(store: &dyn ObjectStore, model: &ModelName) -> Result<(), PublishError> {
    workbench::spare(store).await?;
    let there = catalog::model(store, model).await?;
    for version in there.versions.into_keys() {
        let manifest = format!("{model}/{version}/{MANIFEST_FILE}").parse()?;
        store.delete(&manifest).await?;
    }
    index::update(store, |index| {
        index.models.remove(model);
        index.removed.insert(model.clone());
    })
    .await?;
    delete_all(store, &format!("{model}/")).await
}

async fn delete_all(store: &dyn ObjectStore, prefix: &str) -> Result<(), PublishError> {
    for object in store.list(prefix).await? {
        store.delete(&object.key.parse()?).await?;
    }
    Ok(())
}
