//! What leaves the cache when it is full.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use tracing::info;

/// Removes versions that nobody has pinned, longest unused first, and blobs that no version links,
/// until all blobs together have at most `limit` bytes.
pub(super) fn evict(root: &Path, limit: u64) -> io::Result<()> {
    let mut versions = Vec::new();
    for entry in fs::read_dir(root.join("versions"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "lock") {
            versions.push((path.metadata()?.modified()?, path));
        }
    }
    versions.sort();
    let mut unused = versions.into_iter();
    while limit < drop_unlinked(root, limit)? {
        let Some((_, lock_path)) = unused.next() else {
            break;
        };
        if let Some(_sole) = try_sole(&lock_path)? {
            let folder = lock_path.with_extension("");
            if folder.exists() {
                fs::remove_dir_all(&folder)?;
                info!(version.digest = %folder.display(), "unused model version evicted from the cache");
            }
            fs::remove_file(&lock_path)?;
        }
    }
    Ok(())
}

/// Removes blobs without links while all are above the limit; gives the bytes that are left.
fn drop_unlinked(root: &Path, limit: u64) -> io::Result<u64> {
    let (mut sum, mut unlinked) = (0_u64, Vec::new());
    for entry in fs::read_dir(root.join("blobs"))? {
        let path = entry?.path();
        if path.extension().is_some() {
            continue;
        }
        let found = path.metadata()?;
        sum += found.len();
        if found.nlink() == 1 {
            unlinked.push((found.modified()?, found.len(), path));
        }
    }
    unlinked.sort();
    for (_, size, path) in unlinked {
        if sum <= limit {
            break;
        }
        let lock_path = path.with_extension("lock");
        if let Some(_sole) = try_sole(&lock_path)? {
            fs::remove_file(&path)?;
            fs::remove_file(lock_path)?;
            sum -= size;
        }
    }
    Ok(sum)
}

/// Removes what processes that died left in a folder, and nobody has touched for so long.
pub(super) fn sweep(folder: &Path, stale: Duration) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Ok(found) = path.symlink_metadata() else {
            continue;
        };
        let age = SystemTime::now().duration_since(found.modified()?);
        if age.is_ok_and(|age| stale < age) {
            let removed = if found.is_dir() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed?;
        }
    }
    Ok(())
}

/// Locks what a lock file stands for, for this process and load alone; none where another has it.
pub(super) fn try_sole(path: &Path) -> io::Result<Option<File>> {
    loop {
        let lock = lock_file(path)?;
        match lock.try_lock() {
            Ok(()) if is_at(&lock, path) => return Ok(Some(lock)),
            // An eviction removed the file between opening and locking it.
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Opens a file that is only there to be locked.
pub(super) fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Whether an open file is the one at a path.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(file), Ok(path)) => (file.dev(), file.ino()) == (path.dev(), path.ino()),
        _ => false,
    }
}
