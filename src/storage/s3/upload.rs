//! Files of any size: small ones in one request, large ones in parts.

use std::{io, path::Path, time::Duration};

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::{
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use tokio::{fs::File, io::AsyncReadExt as _};

use crate::model::key::Key;

use super::{S3Store, StoreError};

/// Files up to this size go in one request, larger ones in parts of it.
const PART: u64 = 16 << 20;

/// Longest time for one write, which slow lines need.
const PART_TIME: Duration = Duration::from_secs(120);

pub(super) async fn upload(
    store: &S3Store,
    key: &Key,
    path: &Path,
    sent: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), StoreError> {
    let unreadable = |error: io::Error| StoreError::File {
        path: path.to_owned(),
        error,
    };
    let mut file = File::open(path).await.map_err(unreadable)?;
    let size = file.metadata().await.map_err(unreadable)?.len();
    if size <= PART {
        let bytes = piece(&mut file).await.map_err(unreadable)?;
        let put = store
            .client
            .put_object()
            .bucket(&store.bucket)
            .key(store.key(key))
            .body(ByteStream::from(bytes));
        let put = put.customize().config_override(patient());
        put.send()
            .await
            .map_err(|error| store.failed(Some(key), &error))?;
        sent(size);
        return Ok(());
    }
    let upload = store
        .client
        .create_multipart_upload()
        .bucket(&store.bucket)
        .key(store.key(key))
        .send()
        .await
        .map_err(|error| store.failed(Some(key), &error))?;
    let id = upload.upload_id().unwrap_or_default();
    let done = match parts(store, key, id, &mut file, sent).await {
        Ok(parts) => complete(store, key, id, parts).await,
        Err(PartError::Store(error)) => Err(error),
        Err(PartError::File(error)) => Err(unreadable(error)),
    };
    if done.is_err() {
        // Parts that are not given up are paid for. What cannot be given up now the bucket's own
        // rules clear away.
        let abort = store.client.abort_multipart_upload();
        let abort = abort
            .bucket(&store.bucket)
            .key(store.key(key))
            .upload_id(id);
        abort.send().await.ok();
    }
    done
}

enum PartError {
    Store(StoreError),
    File(io::Error),
}

async fn parts(
    store: &S3Store,
    key: &Key,
    id: &str,
    file: &mut File,
    sent: &(dyn Fn(u64) + Send + Sync),
) -> Result<Vec<CompletedPart>, PartError> {
    let mut parts = Vec::new();
    for number in 1.. {
        let bytes = piece(file).await.map_err(PartError::File)?;
        if bytes.is_empty() {
            break;
        }
        let size = bytes.len() as u64;
        let part = store
            .client
            .upload_part()
            .bucket(&store.bucket)
            .key(store.key(key))
            .upload_id(id)
            .part_number(number)
            .body(ByteStream::from(bytes));
        let part = part.customize().config_override(patient()).send().await;
        let part = part.map_err(|error| PartError::Store(store.failed(Some(key), &error)))?;
        let tag = part.e_tag().map(str::to_owned);
        let done = CompletedPart::builder().part_number(number).set_e_tag(tag);
        parts.push(done.build());
        sent(size);
    }
    Ok(parts)
}

async fn complete(
    store: &S3Store,
    key: &Key,
    id: &str,
    parts: Vec<CompletedPart>,
) -> Result<(), StoreError> {
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
    let complete = store
        .client
        .complete_multipart_upload()
        .bucket(&store.bucket)
        .key(store.key(key))
        .upload_id(id)
        .multipart_upload(parts.build());
    let done = complete.send().await;
    done.map(drop)
        .map_err(|error| store.failed(Some(key), &error))
}

/// The next part of a file, empty at its end.
async fn piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(PART).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// What writes take in the place of the timeouts of reads: nobody's request waits for them.
pub(super) fn patient() -> aws_sdk_s3::config::Builder {
    let timeouts = TimeoutConfig::builder()
        .read_timeout(PART_TIME)
        .operation_attempt_timeout(PART_TIME)
        .operation_timeout(PART_TIME * 3)
        .build();
    aws_sdk_s3::config::Builder::new().timeout_config(timeouts)
}
