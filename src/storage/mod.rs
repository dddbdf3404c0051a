//! Where models live: objects by key under one root, in an S3 bucket or in a folder.

mod download;
mod error;
mod folder;
mod location;
mod s3;

use std::{
    fmt::Debug,
    ops::Range,
    path::{Path, PathBuf},
    pin::Pin,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;

use crate::model::key::Key;

pub use download::{DownloadError, download};
pub use error::StoreError;
pub use folder::FolderStore;

pub use location::{Location, LocationError};
pub use s3::{S3Settings, S3Store};

/// What a store says about one state of an object: it changes whenever the object does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub String);

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key, below the store's root. Not a [`Key`]: anybody may have put anything there.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its state.
    pub tag: Tag,
}

/// A small object, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its state.
    pub tag: Tag,
}

/// What a conditional read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The object has the state that the caller knows.
    Unchanged,
    /// The object as it is now.
    Object(Object),
}

/// The bytes of a large object as they come in.
pub struct Body {
    /// Size of the whole object in bytes, also where the body begins within it.
    pub size: u64,
    /// Its state.
    pub tag: Tag,
    /// Its bytes. Every wait for the next is bounded by the store.
    pub bytes: Pin<Box<dyn Stream<Item = Result<Bytes, StoreError>> + Send>>,
}

impl Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("size", &self.size)
            .field("tag", &self.tag)
            .finish_non_exhaustive()
    }
}

/// When a write may take place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteIf {
    /// Whatever is there.
    Always,
    /// Nothing is there yet.
    Absent,
    /// The object has still this state.
    Unchanged(Tag),
}

/// Objects by key under one root. Every call is bounded in time; none retries a refusal.
#[async_trait]
pub trait ObjectStore: Debug + Send + Sync {
    /// The root as people write it: `s3://bucket/prefix`, or a folder's path.
    fn root(&self) -> &str;

    /// Every object whose key begins with `prefix` (empty for all, or a folder's name and `/`), by
    /// key.
    ///
    /// # Errors
    /// When the store cannot be reached or refuses. A root without objects is an empty list, a
    /// root that is not there is [`StoreError::NotFound`].
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError>;

    /// A small object, unless it still has the state `known`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is none, [`StoreError::TooLarge`] above `limit` bytes.
    async fn get(
        &self,
        key: &Key,
        known: Option<&Tag>,
        limit: usize,
    ) -> Result<Fetched, StoreError>;

    /// The bytes of a large object that are in `range`, or a first part of them; where `of` is
    /// given, only while the object has that state, else [`StoreError::Changed`].
    ///
    /// # Errors
    /// When there is none, or the store cannot be reached or refuses.
    async fn read(
        &self,
        key: &Key,
        range: Range<u64>,
        of: Option<&Tag>,
    ) -> Result<Body, StoreError>;

    /// Writes a small object, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] where the condition does not hold.
    async fn put(&self, key: &Key, bytes: Bytes, when: WriteIf) -> Result<Tag, StoreError>;

    /// Writes a file of any size, all of it or nothing, and tells `sent` how many more bytes have
    /// gone, each time some have.
    ///
    /// # Errors
    /// When the file cannot be read, or the store cannot be reached or refuses.
    async fn upload(
        &self,
        key: &Key,
        file: &Path,
        sent: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), StoreError>;

    /// Takes an object away; one that is not there is no fault.
    ///
    /// # Errors
    /// When the store cannot be reached or refuses.
    async fn delete(&self, key: &Key) -> Result<(), StoreError>;

    /// The object's file, where the store is a folder of this machine.
    fn local_path(&self, key: &Key) -> Option<PathBuf>;
}
