//! A folder of this machine as a store.

mod walk;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use tokio::task::spawn_blocking;

use crate::model::key::Key;

use super::{Body, Fetched, Listed, Object, ObjectStore, StoreError, Tag, WriteIf};

/// Files that are being written, on the same file system. Hidden, so never listed.
const INCOMING: &str = ".ocellus-incoming";

/// Held while a condition is checked and the write it allows is done.
const LOCK: &str = ".ocellus-lock";

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Objects are files below a folder.
#[derive(Clone, Debug)]
pub struct FolderStore {
    root: PathBuf,
    name: String,
    /// Folders that cannot be read and were told of.
    unreadable: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl FolderStore {
    /// The objects below a folder. It need not be there: the first write makes it.
    #[must_use]
    pub fn open(root: PathBuf) -> Self {
        let name = root.display().to_string();
        Self {
            root,
            name,
            unreadable: Arc::default(),
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let done = spawn_blocking(move || work(store)).await;
        done.map_err(|error| StoreError::Unavailable {
            key: self.name.clone(),
            reason: error.to_string(),
        })?
    }

    /// Puts a finished file in its place, if the condition holds.
    fn place(
        &self,
        key: &Key,
        part: tempfile::NamedTempFile,
        when: &WriteIf,
    ) -> Result<Tag, StoreError> {
        let (path, failed) = (self.path(key), |error| refused(&self.path(key), error));
        let lock = File::create(self.root.join(LOCK)).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let there = fs::metadata(&path).ok().map(|found| tag(&found));
        let holds = match when {
            WriteIf::Always => true,
            WriteIf::Absent => there.is_none(),
            WriteIf::Unchanged(known) => there.as_ref() == Some(known),
        };
        if !holds {
            return Err(StoreError::Changed(key.to_string()));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        part.as_file().sync_all().map_err(failed)?;
        let file = part.persist(&path).map_err(|error| failed(error.error))?;
        Ok(tag(&file.metadata().map_err(failed)?))
    }

    fn incoming(&self) -> Result<tempfile::NamedTempFile, StoreError> {
        let folder = self.root.join(INCOMING);
        let made = fs::create_dir_all(&folder).and_then(|()| {
            use std::os::unix::fs::PermissionsExt as _;
            let readable = fs::Permissions::from_mode(0o644);
            tempfile::Builder::new()
                .permissions(readable)
                .tempfile_in(&folder)
        });
        made.map_err(|error| refused(&folder, error))
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    fn root(&self) -> &str {
        &self.name
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        let prefix = prefix.to_owned();
        self.blocking(move |store| store.walk(&prefix)).await
    }

    async fn get(
        &self,
        key: &Key,
        known: Option<&Tag>,
        limit: usize,
    ) -> Result<Fetched, StoreError> {
        let (key, known) = (key.clone(), known.cloned());
        let read = move |store: Self| {
            let path = store.path(&key);
            let failed = |error| missing_or(&key, &path, error);
            let mut file = File::open(&path).map_err(failed)?;
            let found = file.metadata().map_err(failed)?;
            let tag = tag(&found);
            if known.as_ref() == Some(&tag) {
                return Ok(Fetched::Unchanged);
            }
            if limit < usize::try_from(found.len()).unwrap_or(usize::MAX) {
                return Err(StoreError::TooLarge {
                    key: key.to_string(),
                    size: found.len(),
                    limit: limit as u64,
                });
            }
            let mut bytes = Vec::new();
            let most = limit as u64;
            (&mut file)
                .take(most)
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            let bytes = Bytes::from(bytes);
            Ok(Fetched::Object(Object { bytes, tag }))
        };
        self.blocking(read).await
    }

    async fn read(
        &self,
        key: &Key,
        range: Range<u64>,
        of: Option<&Tag>,
    ) -> Result<Body, StoreError> {
        let (key, of) = (key.clone(), of.cloned());
        let open = move |store: Self| {
            let path = store.path(&key);
            let failed = |error| missing_or(&key, &path, error);
            let mut file = File::open(&path).map_err(failed)?;
            let found = file.metadata().map_err(failed)?;
            let tag = tag(&found);
            if of.is_some_and(|of| of != tag) {
                return Err(StoreError::Changed(key.to_string()));
            }
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
            let left = range.end.saturating_sub(range.start);
            Ok((file.take(left), path, found.len(), tag))
        };
        let (file, path, size, tag) = self.blocking(open).await?;
        let bytes = stream::try_unfold((file, path), |(mut file, path)| async {
            let read = spawn_blocking(move || {
                let mut piece = vec![0; PIECE];
                let count = file.read(&mut piece);
                count.map(|count| {
                    piece.truncate(count);
                    (piece, file)
                })
            });
            let read = read.await.map_err(io::Error::other).and_then(|read| read);
            let (piece, file) = read.map_err(|error| refused(&path, error))?;
            Ok((!piece.is_empty()).then(|| (Bytes::from(piece), (file, path))))
        });
        Ok(Body {
            size,
            tag,
            bytes: Box::pin(bytes),
        })
    }

    async fn put(&self, key: &Key, bytes: Bytes, when: WriteIf) -> Result<Tag, StoreError> {
        let key = key.clone();
        let write = move |store: Self| {
            let mut part = store.incoming()?;
            let written = part.write_all(&bytes);
            written.map_err(|error| refused(&store.path(&key), error))?;
            store.place(&key, part, &when)
        };
        self.blocking(write).await
    }

    async fn upload(
        &self,
        key: &Key,
        file: &Path,
        sent: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), StoreError> {
        let (key, file) = (key.clone(), file.to_owned());
        let write = move |store: Self| {
            let mut part = store.incoming()?;
            let mut from = File::open(&file).map_err(|error| refused(&file, error))?;
            let copied = io::copy(&mut from, &mut part);
            let copied = copied.map_err(|error| refused(&store.path(&key), error))?;
            store.place(&key, part, &WriteIf::Always).map(|_| copied)
        };
        sent(self.blocking(write).await?);
        Ok(())
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let key = key.clone();
        let remove = move |store: Self| {
            let path = store.path(&key);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(refused(&path, error));
                }
                _ => (),
            }
            // Folders that are left empty go too, as they do in a bucket.
            let folders: BTreeSet<&Path> = path.ancestors().skip(1).collect();
            for folder in folders.into_iter().rev() {
                if folder == store.root || fs::remove_dir(folder).is_err() {
                    break;
                }
            }
            Ok(())
        };
        self.blocking(remove).await
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }
}

fn tag(found: &fs::Metadata) -> Tag {
    let (seconds, nanoseconds) = (found.mtime(), found.mtime_nsec());
    let (size, inode) = (found.len(), found.ino());
    Tag(format!("{seconds}.{nanoseconds:09}-{size}-{inode}"))
}

fn missing_or(key: &Key, path: &Path, error: io::Error) -> StoreError {
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    if missing.contains(&error.kind()) {
        StoreError::NotFound(key.to_string())
    } else {
        refused(path, error)
    }
}

fn refused(path: &Path, error: io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::PermissionDenied {
        StoreError::Denied {
            key: path.display().to_string(),
            reason: error.to_string(),
        }
    } else {
        let path = path.to_owned();
        StoreError::File { path, error }
    }
}
