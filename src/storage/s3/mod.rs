//! A bucket of S3, or of a store that speaks its protocol, as a store.

mod client;
mod fault;
mod upload;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_s3::{Client, primitives::ByteStream};
use bytes::Bytes;
use futures_util::stream;

use crate::model::key::Key;

use super::{Body, Fetched, Listed, Object, ObjectStore, StoreError, Tag, WriteIf};
use fault::{Fault, fault};

/// Longest time for the whole body of a small object.
const SMALL_BODY: Duration = Duration::from_secs(10);

/// Longest wait for the next bytes of a body.
const NEXT_BYTES: Duration = Duration::from_secs(5);

/// How a bucket is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// Address of an S3-compatible store; `None` for AWS.
    pub endpoint: Option<String>,
    /// Region of the bucket; `None` for what AWS's tools read.
    pub region: Option<String>,
    /// Whether the bucket is in the path instead of the host name.
    pub path_style: bool,
}

/// Objects are those of a bucket below a prefix.
#[derive(Clone, Debug)]
pub struct S3Store {
    client: Client,
    bucket: String,
    prefix: String,
    name: String,
}

impl S3Store {
    /// The objects of a bucket below a prefix. Keys come from the chain that AWS's tools use. The
    /// bucket is reached with the first request.
    pub async fn open(bucket: &str, prefix: &str, settings: &S3Settings) -> Self {
        let name = if prefix.is_empty() {
            format!("s3://{bucket}")
        } else {
            format!("s3://{bucket}/{prefix}")
        };
        Self {
            client: client::client(settings).await,
            bucket: bucket.to_owned(),
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            name,
        }
    }

    fn key(&self, key: &Key) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The failure of a request about an object, or about the root where `key` is none.
    fn failed<E>(&self, key: Option<&Key>, error: &aws_sdk_s3::error::SdkError<E>) -> StoreError
    where
        E: aws_sdk_s3::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        let key = key.map_or_else(|| self.name.clone(), |key| format!("{}/{key}", self.name));
        match fault(error) {
            Fault::NotFound => StoreError::NotFound(key),
            Fault::Denied(reason) => StoreError::Denied { key, reason },
            Fault::Changed => StoreError::Changed(key),
            Fault::Other(reason) => StoreError::Unavailable { key, reason },
        }
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    fn root(&self) -> &str {
        &self.name
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let mut listed = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(format!("{}{prefix}", self.prefix))
                .set_continuation_token(next)
                .send()
                .await
                .map_err(|error| self.failed(None, &error))?;
            for object in page.contents() {
                let key = object.key().unwrap_or_default();
                let Some(key) = key.strip_prefix(&self.prefix).filter(|key| !key.is_empty()) else {
                    continue;
                };
                listed.push(Listed {
                    key: key.to_owned(),
                    size: object
                        .size()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or(0),
                    tag: Tag(object.e_tag().unwrap_or_default().to_owned()),
                });
            }
            next = page.next_continuation_token().map(str::to_owned);
            if next.is_none() {
                listed.sort_by(|a, b| a.key.cmp(&b.key));
                return Ok(listed);
            }
        }
    }

    async fn get(
        &self,
        key: &Key,
        known: Option<&Tag>,
        limit: usize,
    ) -> Result<Fetched, StoreError> {
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(key))
            .set_if_none_match(known.map(|tag| tag.0.clone()))
            .send()
            .await;
        let object = match got {
            Ok(object) => object,
            Err(error) if fault::status(&error) == Some(304) => return Ok(Fetched::Unchanged),
            Err(error) => return Err(self.failed(Some(key), &error)),
        };
        let tag = Tag(object.e_tag().unwrap_or_default().to_owned());
        let size = object
            .content_length()
            .and_then(|size| u64::try_from(size).ok());
        if let Some(size) = size.filter(|size| (limit as u64) < *size) {
            return Err(too_large(key, size, limit));
        }
        let whole = tokio::time::timeout(SMALL_BODY, small_body(key, object.body, limit)).await;
        let bytes = whole.map_err(|_| StoreError::Unavailable {
            key: key.to_string(),
            reason: format!("it did not come within {} s", SMALL_BODY.as_secs()),
        })??;
        if let Some(expected) = size.filter(|size| *size != bytes.len() as u64) {
            return Err(StoreError::Length {
                key: key.to_string(),
                size: bytes.len() as u64,
                expected,
            });
        }
        let bytes = Bytes::from(bytes);
        Ok(Fetched::Object(Object { bytes, tag }))
    }

    async fn read(
        &self,
        key: &Key,
        range: Range<u64>,
        of: Option<&Tag>,
    ) -> Result<Body, StoreError> {
        let object = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(self.key(key))
            .set_range(range_header(&range))
            .set_if_match(of.map(|tag| tag.0.clone()))
            .send()
            .await
            .map_err(|error| self.failed(Some(key), &error))?;
        let tag = Tag(object.e_tag().unwrap_or_default().to_owned());
        let total = object.content_range().and_then(total);
        let length = object.content_length().and_then(|n| u64::try_from(n).ok());
        let key = key.clone();
        let bytes = stream::try_unfold((key, object.body), |(key, mut body)| async {
            let piece = next_bytes(&key, &mut body).await?;
            Ok(piece.map(|piece| (piece, (key, body))))
        });
        Ok(Body {
            size: total.or(length).unwrap_or(0),
            tag,
            bytes: Box::pin(bytes),
        })
    }

    async fn put(&self, key: &Key, bytes: Bytes, when: WriteIf) -> Result<Tag, StoreError> {
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(self.key(key))
            .body(ByteStream::from(bytes));
        let put = match when {
            WriteIf::Always => put,
            WriteIf::Absent => put.if_none_match("*"),
            WriteIf::Unchanged(tag) => put.if_match(tag.0),
        };
        let put = put.customize().config_override(upload::patient());
        let done = put
            .send()
            .await
            .map_err(|error| self.failed(Some(key), &error))?;
        Ok(Tag(done.e_tag().unwrap_or_default().to_owned()))
    }

    async fn upload(
        &self,
        key: &Key,
        file: &Path,
        sent: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), StoreError> {
        upload::upload(self, key, file, sent).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .key(self.key(key));
        let done = delete.send().await.map(drop);
        done.map_err(|error| self.failed(Some(key), &error))
            .or_else(|error| {
                let is_gone = matches!(error, StoreError::NotFound(_));
                if is_gone { Ok(()) } else { Err(error) }
            })
    }

    fn local_path(&self, _key: &Key) -> Option<PathBuf> {
        None
    }
}

async fn small_body(key: &Key, mut body: ByteStream, limit: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    while let Some(piece) = next_bytes(key, &mut body).await? {
        bytes.extend_from_slice(&piece);
        if limit < bytes.len() {
            return Err(too_large(key, bytes.len() as u64, limit));
        }
    }
    Ok(bytes)
}

fn too_large(key: &Key, size: u64, limit: usize) -> StoreError {
    StoreError::TooLarge {
        key: key.to_string(),
        size,
        limit: limit as u64,
    }
}

/// The next bytes of a body, `None` at its end. The client's own timeouts do not reach bodies.
async fn next_bytes(key: &Key, body: &mut ByteStream) -> Result<Option<Bytes>, StoreError> {
    let unavailable = |reason: String| StoreError::Unavailable {
        key: key.to_string(),
        reason,
    };
    match tokio::time::timeout(NEXT_BYTES, body.try_next()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(unavailable(fault::innermost(&error))),
        Err(_) => Err(unavailable(format!(
            "no data came for {} s",
            NEXT_BYTES.as_secs()
        ))),
    }
}
/// A range as HTTP names it; none for all of an object, and for one that is to be empty, of which
/// no range can be asked.
fn range_header(range: &Range<u64>) -> Option<String> {
    let last = range.end.checked_sub(1)?;
    match (range.start, range.end) {
        (0, u64::MAX) => None,
        (first, u64::MAX) => Some(format!("bytes={first}-")),
        (first, _) => Some(format!("bytes={first}-{last}")),
    }
}

/// The size of the whole object out of `bytes 0-9/1000`.
fn total(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}
