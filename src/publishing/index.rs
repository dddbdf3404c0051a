//! The index, kept true to the documents by conditional writes.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    model::{
        index::{INDEX_FILE, Index, MAX_INDEX_BYTES},
        key::Key,
    },
    storage::{Fetched, Object, ObjectStore, StoreError, WriteIf},
};

use super::PublishError;

/// Writes that may be overtaken by others' before it is given up.
const ATTEMPTS: u32 = 30;

/// A small document, and its state; neither where there is none.
pub(super) async fn read(
    store: &dyn ObjectStore,
    key: &Key,
    limit: usize,
) -> Result<Option<Object>, StoreError> {
    match store.get(key, None, limit).await {
        Ok(Fetched::Object(object)) => Ok(Some(object)),
        Ok(Fetched::Unchanged) | Err(StoreError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Rewrites a small document: reads it, has it changed, and writes it if nobody else did
/// meanwhile, else begins anew.
pub(super) async fn rewrite(
    store: &dyn ObjectStore,
    key: &Key,
    limit: usize,
    mut change: impl FnMut(Option<&[u8]>) -> Result<Vec<u8>, PublishError> + Send,
) -> Result<Vec<u8>, PublishError> {
    for attempt in 0..ATTEMPTS {
        let there = read(store, key, limit).await?;
        let bytes = change(there.as_ref().map(|object| object.bytes.as_ref()))?;
        let when = there.map_or(WriteIf::Absent, |object| WriteIf::Unchanged(object.tag));
        match store.put(key, Bytes::from(bytes.clone()), when).await {
            Ok(_) => return Ok(bytes),
            Err(StoreError::Changed(_) | StoreError::NotFound(_)) => {
                let wait = fastrand::u64(5..50 * u64::from(attempt + 1));
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(PublishError::Contended(key.to_string()))
}

/// Changes the index.
pub(super) async fn update(
    store: &dyn ObjectStore,
    mut change: impl FnMut(&mut Index) + Send,
) -> Result<(), PublishError> {
    let key: Key = INDEX_FILE.parse()?;
    let edit = |there: Option<&[u8]>| {
        let mut index = there.map(Index::parse).transpose()?.unwrap_or_default();
        change(&mut index);
        Ok(index.to_bytes()?)
    };
    rewrite(store, &key, MAX_INDEX_BYTES, edit).await.map(drop)
}
