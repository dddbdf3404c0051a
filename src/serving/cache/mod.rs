//! The disk cache of sealed versions: files by their digest, bounded, safe with several processes.
//!
//! ```text
//! blobs/<sha256>               one file of any version
//! versions/<manifest sha256>/  a version's files by name, hard links to blobs
//! versions/<…>.lock            shared while a process uses the version; its time is its last use
//! incoming/                    files that are being written
//! loading/<sha256>             how many loads of a version have ended their process
//! quarantine/<sha256>          which file of a version was corrupt
//! ```

mod assembly;
mod eviction;
mod soundness;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::task::spawn_blocking;

use crate::{
    model::{
        digest::{Digest, Hasher},
        key::Key,
        manifest::{Manifest, ManifestFile},
        name::{ModelName, Version},
    },
    storage::{DownloadError, ObjectStore, download},
};

use super::{LoadError, pace::Pace};
use assembly::{Making, link};
use eviction::{evict, is_at, lock_file, sweep, try_sole};
use soundness::is_sound;

pub use soundness::digest_of;

/// How often a file is asked for that another load is fetching.
const LOCK_RETRY: Duration = Duration::from_millis(50);

/// The longest wait for it.
const LOCK_WAIT: Duration = Duration::from_secs(15 * 60);

/// After so long nobody writes to what lies in `incoming/` any more.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes between two rests of a download on a busy server.
const REST_EVERY: usize = 512 << 10;

/// Versions on this machine's disk.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    limit: u64,
    pace: Arc<Pace>,
}

/// A version on disk. It is not evicted while this lives.
#[derive(Debug)]
pub struct Pinned {
    /// The folder with the version's files.
    pub folder: PathBuf,
    _lock: File,
}

impl Cache {
    /// A cache in a folder of its own, of at most `limit` bytes.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(root: PathBuf, limit: u64, pace: Arc<Pace>) -> io::Result<Self> {
        for folder in [
            "blobs",
            "versions",
            "incoming",
            "loading",
            "quarantine",
            "snapshots",
        ] {
            fs::create_dir_all(root.join(folder))?;
        }
        let incoming = root.join("incoming");
        tempfile::tempfile_in(&incoming)?;
        sweep(&incoming, STALE)?;
        Ok(Self { root, limit, pace })
    }

    /// A place of its own for something else that is worth keeping.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Brings a sealed version onto the disk: what is there already is verified, the rest fetched.
    ///
    /// # Errors
    /// When the store fails, a file has another size or digest than the manifest says, or the disk
    /// is full.
    pub async fn fetch(
        &self,
        store: &dyn ObjectStore,
        manifest: &Manifest,
        digest: Digest,
    ) -> Result<Pinned, LoadError> {
        if self.limit < manifest.size() {
            return Err(LoadError::CacheTooSmall {
                needed: manifest.size(),
                limit: self.limit,
            });
        }
        let note = self.root.join("quarantine").join(digest.hex());
        if let Ok(reason) = fs::read_to_string(&note) {
            return Err(LoadError::Quarantined { note, reason });
        }
        match self.bring(store, manifest, digest).await {
            Err(corrupt @ LoadError::Digest { .. }) => {
                let reason = corrupt.to_string();
                fs::write(&note, &reason).map_err(|error| disk(&note, error))?;
                Err(LoadError::Quarantined { note, reason })
            }
            fetched => fetched,
        }
    }

    async fn bring(
        &self,
        store: &dyn ObjectStore,
        manifest: &Manifest,
        digest: Digest,
    ) -> Result<Pinned, LoadError> {
        let folder = self.root.join("versions").join(digest.hex());
        let lock = self.pin(&folder).await?;
        let incoming = self.root.join("incoming");
        let making = Making::begin(&incoming).map_err(|error| disk(&incoming, error))?;
        let mut paths = Vec::new();
        for file in &manifest.files {
            let key = key_of(&manifest.model, manifest.version, &file.path)?;
            self.blob(store, (&key, file), &making.place(&file.path))
                .await?;
            paths.push(file.path.clone());
        }
        let place = folder.clone();
        blocking(move || making.finish(&place, &paths))
            .await
            .map_err(|error| disk(&folder, error))?;
        Ok(Pinned {
            folder,
            _lock: lock,
        })
    }

    async fn pin(&self, folder: &Path) -> Result<File, LoadError> {
        let path = folder.with_extension("lock");
        let locked = path.clone();
        let pin = move || loop {
            let lock = lock_file(&locked)?;
            lock.lock_shared()?;
            lock.set_modified(SystemTime::now())?;
            // An eviction may have removed the file between opening and locking it.
            if is_at(&lock, &locked) {
                return Ok(lock);
            }
        };
        blocking(pin).await.map_err(|error| disk(&path, error))
    }

    /// Links a file's blob, verified, into the folder that is being made, before anybody could
    /// evict it.
    async fn blob(
        &self,
        store: &dyn ObjectStore,
        (key, file): (&Key, &ManifestFile),
        place: &Path,
    ) -> Result<(), LoadError> {
        let linked = |blob: &Path| link(blob, place).map_err(|error| disk(blob, error));
        let blob = self.root.join("blobs").join(file.sha256.hex());
        let _only_one = self.sole(&blob).await?;
        let (path, size, sha256) = (blob.clone(), file.size, file.sha256);
        let sound = blocking(move || Ok(is_sound(&path, size, sha256))).await;
        if sound.is_ok_and(|sound| sound) {
            return linked(&blob);
        }
        fs::remove_file(&blob).ok();
        self.make_room(file.size).await;
        match self.write(store, key, file, &blob).await {
            // What came broken over the line comes whole the second time.
            Err(LoadError::Digest { .. }) => self.write(store, key, file, &blob).await?,
            Err(LoadError::Disk { error, .. }) if is_full(&error) => {
                self.make_room(self.limit).await;
                self.write(store, key, file, &blob).await?;
            }
            written => written?,
        }
        linked(&blob)
    }

    /// Waits until no other load, here or in another process, fetches the same file.
    async fn sole(&self, blob: &Path) -> Result<File, LoadError> {
        let path = blob.with_extension("lock");
        let begun = Instant::now();
        while begun.elapsed() < LOCK_WAIT {
            match try_sole(&path).map_err(|error| disk(&path, error))? {
                Some(lock) => return Ok(lock),
                None => tokio::time::sleep(LOCK_RETRY).await,
            }
        }
        let words = "another process has been fetching this file for too long";
        Err(disk(&path, io::Error::new(io::ErrorKind::TimedOut, words)))
    }

    async fn write(
        &self,
        store: &dyn ObjectStore,
        key: &Key,
        file: &ManifestFile,
        blob: &Path,
    ) -> Result<(), LoadError> {
        let incoming = self.root.join("incoming");
        let mut part = tempfile::NamedTempFile::new_in(&incoming).map_err(|e| disk(blob, e))?;
        let mut hasher = Hasher::default();
        let (mut since, mut pieces) = (Instant::now(), 0);
        let at_once = || self.pace.at_once();
        let fetched = download(store, key, file.size, at_once, |bytes| {
            hasher.update(&bytes);
            io::Write::write_all(&mut part, &bytes)?;
            pieces += bytes.len();
            if pieces < REST_EVERY {
                return Ok(Duration::ZERO);
            }
            let rest = self.pace.rest(since.elapsed());
            (since, pieces) = (Instant::now() + rest, 0);
            Ok(rest)
        });
        fetched.await.map_err(|error| match error {
            DownloadError::Store(error) => LoadError::Store(error),
            DownloadError::Sink(error) => disk(blob, error),
        })?;
        let found = hasher.finish();
        if found != file.sha256 {
            return Err(LoadError::Digest {
                path: file.path.clone(),
                expected: file.sha256,
                found,
            });
        }
        let place = blob.to_owned();
        let keep = move || {
            part.as_file().sync_all()?;
            part.persist(&place).map_err(|error| error.error)?;
            Ok(())
        };
        blocking(keep).await.map_err(|error| disk(blob, error))
    }

    /// Evicts versions that nobody uses, the longest unused first, until `needed` bytes fit.
    async fn make_room(&self, needed: u64) {
        let (root, limit) = (self.root.clone(), self.limit);
        blocking(move || evict(&root, limit.saturating_sub(needed)))
            .await
            .ok();
    }
}

/// The key of a version's file.
pub(super) fn key_of(model: &ModelName, version: Version, path: &str) -> Result<Key, LoadError> {
    format!("{model}/{version}/{path}")
        .parse()
        .map_err(LoadError::Key)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

fn disk(path: &Path, error: io::Error) -> LoadError {
    let path = path.to_owned();
    LoadError::Disk { path, error }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
