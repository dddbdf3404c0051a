//! Notes of loads that have begun and not ended, so that a version whose loads end the process is
//! left alone after the second time.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::model::digest::Digest;

use super::LoadError;

/// Loads of one version that may end their process before it is left alone.
const FATAL_LOADS: u32 = 2;

/// The notes of all processes that share a folder.
#[derive(Clone, Debug)]
pub struct LoadNotes {
    folder: PathBuf,
    own: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// A note that a version is being opened. It stays behind if the process dies meanwhile; the lock
/// on it does not, which tells a note of the dead from one of the living.
#[derive(Debug)]
pub(super) struct LoadNote {
    path: PathBuf,
    notes: LoadNotes,
    _lock: File,
}

impl LoadNotes {
    /// The notes in a folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let own = Arc::default();
        Self { folder, own }
    }

    /// Notes that a version is about to be opened, until the note is dropped. None where another
    /// process is at it too: its note is as good.
    pub(super) fn begin(&self, version: Digest) -> Result<Option<LoadNote>, LoadError> {
        let path = self.folder.join(version.hex());
        let unwritable = |error: io::Error| LoadError::Disk {
            path: path.clone(),
            error,
        };
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut note = open.map_err(unwritable)?;
        match note.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let mut text = String::new();
        note.read_to_string(&mut text).map_err(unwritable)?;
        let loads = text.trim().parse().unwrap_or(0);
        if FATAL_LOADS <= loads {
            return Err(LoadError::Fatal { note: path, loads });
        }
        let written = note.rewind().and_then(|()| writeln!(note, "{}", loads + 1));
        written.map_err(unwritable)?;
        self.own().insert(path.clone());
        Ok(Some(LoadNote {
            path,
            notes: self.clone(),
            _lock: note,
        }))
    }

    /// Takes this process's notes away: it is told to end, no load ends it.
    pub fn forgive(&self) {
        for path in std::mem::take(&mut *self.own()) {
            fs::remove_file(path).ok();
        }
    }

    fn own(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LoadNote {
    fn drop(&mut self) {
        if self.notes.own().remove(&self.path) {
            fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_ends_its_process_twice_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = LoadNotes::new(folder.path().to_owned());
        let version = Digest::of(b"a version");
        for _ in 0..3 {
            drop(
                notes
                    .begin(version)
                    .expect("loads that end well do not count"),
            );
        }
        for _ in 0..2 {
            let note = notes.begin(version).expect("not yet").expect("nobody else");
            assert!(
                notes
                    .begin(version)
                    .expect("the living do not count")
                    .is_none()
            );
            // As if the process had died: the lock goes, the note stays.
            notes.own().clear();
            drop(note);
        }
        let error = notes.begin(version).expect_err("twice");
        assert!(error.to_string().contains("2 times"), "{error}");
        let other = Digest::of(b"another");
        assert!(notes.begin(other).is_ok());
    }

    #[test]
    fn a_process_that_is_told_to_end_leaves_no_note() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = LoadNotes::new(folder.path().to_owned());
        let note = notes.begin(Digest::of(b"a version")).expect("begins");
        notes.forgive();
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
        drop(note);
    }
}
