//! The desired state of a model, changed by its owner.

use bytes::Bytes;

use crate::{
    model::{
        desired::{DESIRED_FILE, Desired, MAX_DESIRED_BYTES, VersionPolicy},
        digest::Digest,
        name::{Label, ModelName, Version},
    },
    storage::ObjectStore,
};

use super::{PublishError, catalog, index, workbench};

/// Has a label name a version, which must be complete. `stable` answers where a request names no
/// version.
///
/// # Errors
/// When there is no such version, or the root cannot be read or written.
pub async fn promote(
    store: &dyn ObjectStore,
    model: &ModelName,
    label: &Label,
    version: Version,
) -> Result<Desired, PublishError> {
    catalog::model(store, model).await?.has(version)?;
    change(store, model, |desired| {
        desired.promote(label.clone(), version);
        Ok(())
    })
    .await
}

/// Takes a label away; without `stable` the newest version answers.
///
/// # Errors
/// When the root cannot be read or written.
pub async fn unlabel(
    store: &dyn ObjectStore,
    model: &ModelName,
    label: &Label,
) -> Result<Desired, PublishError> {
    catalog::model(store, model).await?;
    change(store, model, |desired| {
        desired.labels.remove(label);
        Ok(())
    })
    .await
}

/// Has `stable` name the version that it named before; where it never named any, the one before
/// the newest.
///
/// # Errors
/// When there is none, or the root cannot be read or written.
pub async fn rollback(store: &dyn ObjectStore, model: &ModelName) -> Result<Desired, PublishError> {
    let there = catalog::model(store, model).await?.sealed();
    let stable: Label = Label::STABLE.parse()?;
    change(store, model, |desired| {
        let current = desired.labels.get(&stable).or(there.last()).copied();
        let promoted = desired.promoted.iter().rev().copied();
        let promoted = promoted.filter(|version| there.contains(version));
        let older = there.iter().rev().copied();
        let older = older.filter(|version| Some(*version) < current);
        let before = promoted
            .chain(older)
            .find(|version| Some(*version) != current);
        let before = before.ok_or_else(|| PublishError::NothingBefore(model.clone()))?;
        // What is gone back to is not what a further rollback should find.
        desired.promoted.retain(|version| *version != before);
        desired.labels.insert(stable.clone(), before);
        Ok(())
    })
    .await
}

/// Says which versions are wanted beside those that labels name.
///
/// # Errors
/// When a version that is named is not complete, or the root cannot be read or written.
pub async fn set_policy(
    store: &dyn ObjectStore,
    model: &ModelName,
    policy: &VersionPolicy,
) -> Result<Desired, PublishError> {
    policy.check()?;
    let there = catalog::model(store, model).await?;
    if let VersionPolicy::Specific(versions) = policy {
        versions
            .iter()
            .try_for_each(|version| there.has(*version))?;
    }
    change(store, model, |desired| {
        desired.policy = Some(policy.clone());
        Ok(())
    })
    .await
}

/// Changes `serving.json`, then the index, which tells servers of it.
pub(super) async fn change(
    store: &dyn ObjectStore,
    model: &ModelName,
    mut edit: impl FnMut(&mut Desired) -> Result<(), PublishError> + Send,
) -> Result<Desired, PublishError> {
    workbench::spare(store).await?;
    let key = format!("{model}/{DESIRED_FILE}").parse()?;
    let rewritten = index::rewrite(store, &key, MAX_DESIRED_BYTES, |there| {
        let mut desired = there.map(Desired::parse).transpose()?.unwrap_or_default();
        edit(&mut desired)?;
        Ok(desired.to_bytes()?)
    });
    let bytes = Bytes::from(rewritten.await?);
    let digest = Digest::of(&bytes);
    index::update(store, |index| {
        index.models.entry(model.clone()).or_default().serving = Some(digest);
    })
    .await?;
    Ok(Desired::parse(&bytes)?)
}
