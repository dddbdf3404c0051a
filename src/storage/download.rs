//! A large object, brought in whole: with a least rate, and taken up again where it broke off.

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::model::key::Key;

use super::{Body, ObjectStore, StoreError};

/// Bytes that must come within [`WINDOW`], else the body is given up and taken up again.
const LEAST: u64 = 640 << 10;

/// See [`LEAST`].
const WINDOW: Duration = Duration::from_secs(10);

/// Bodies in a row that may break off before the object is given up.
const ATTEMPTS: u32 = 5;

/// Bytes after which a body that breaks off is the first in a row again.
const PROGRESS: u64 = 16 << 20;

/// Wait before an object is taken up again.
const PAUSE: Duration = Duration::from_millis(200);

/// Why an object could not be brought in.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The store failed, or has another object than expected.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What takes the bytes failed.
    #[error(transparent)]
    Sink(io::Error),
}

/// Brings in an object of `expected` bytes and hands it on piece by piece, in order.
///
/// `at_once` says how many bytes to ask for, each time, and the sink how long to rest before the
/// next piece. A body that breaks off or drips is taken
/// up again where it was, five times in a row at the most.
///
/// # Errors
/// When the object is not there, has another size, is replaced meanwhile, or does not come.
pub async fn download(
    store: &dyn ObjectStore,
    key: &Key,
    expected: u64,
    at_once: impl Fn() -> u64 + Send,
    mut sink: impl FnMut(Bytes) -> io::Result<Duration> + Send,
) -> Result<(), DownloadError> {
    let (mut received, mut tag, mut attempts) = (0, None, 0);
    let mut broke_at = 0;
    while received < expected || tag.is_none() {
        let end = match received.saturating_add(at_once().max(1)) {
            end if end < expected => end,
            _ => u64::MAX,
        };
        let opened = store.read(key, received..end, tag.as_ref()).await;
        let broken = match opened {
            Ok(body) if body.size != expected => {
                return Err(length(key, body.size, expected).into());
            }
            Ok(body) => {
                tag = Some(body.tag.clone());
                match receive(key, body, &mut received, &mut sink).await? {
                    None if received == expected => return Ok(()),
                    None if received == end => continue,
                    None => length(key, received, expected),
                    Some(broken) => broken,
                }
            }
            Err(error @ StoreError::Unavailable { .. }) => error,
            Err(error) => return Err(error.into()),
        };
        if broke_at + PROGRESS <= received {
            attempts = 0;
        }
        broke_at = received;
        attempts += 1;
        if attempts == ATTEMPTS || expected < received {
            return Err(broken.into());
        }
        tokio::time::sleep(PAUSE * attempts).await;
    }
    Ok(())
}

/// Hands a body on; gives why it broke off before its end, where it did.
async fn receive(
    key: &Key,
    mut body: Body,
    received: &mut u64,
    sink: &mut (impl FnMut(Bytes) -> io::Result<Duration> + Send),
) -> Result<Option<StoreError>, DownloadError> {
    let (mut since, mut in_window) = (Instant::now(), 0);
    while let Some(piece) = body.bytes.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(broken) => return Ok(Some(broken)),
        };
        let size = piece.len() as u64;
        let rest = sink(piece).map_err(DownloadError::Sink)?;
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
            since += rest;
        }
        *received += size;
        in_window += size;
        if WINDOW <= since.elapsed() {
            if in_window < LEAST {
                let reason = format!(
                    "only {in_window} bytes came in {} s, at least {LEAST} must",
                    WINDOW.as_secs()
                );
                let key = key.to_string();
                return Ok(Some(StoreError::Unavailable { key, reason }));
            }
            (since, in_window) = (Instant::now(), 0);
        }
    }
    Ok(None)
}

fn length(key: &Key, size: u64, expected: u64) -> StoreError {
    let key = key.to_string();
    StoreError::Length {
        key,
        size,
        expected,
    }
}
