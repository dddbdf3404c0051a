//! Notes of loads that have begun and not ended, so that a version whose loads end the process is
//! left alone after the second time.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::model::digest::Digest;

use super::LoadError;

/// Loads of one version that may end their process before it is left alone.
const FATAL_LOADS: u32 = 2;

/// The longest that a load waits until it is alone.
const ALONE_WAIT: Duration = Duration::from_secs(60);

/// The notes of all processes that share a folder.
#[derive(Clone, Debug)]
pub struct LoadNotes {
    folder: PathBuf,
    own: Arc<Mutex<Own>>,
    turns: Arc<RwLock<()>>,
}

/// What this process has noted.
#[derive(Debug, Default)]
struct Own {
    notes: BTreeSet<PathBuf>,
    /// The process was told to end: what happens to it now no load is guilty of.
    ending: bool,
}

/// Loads go on side by side, but for one that a process died of: it is alone, so that no other is
/// suspected if it happens again.
#[derive(Debug)]
enum Turn {
    Beside { _others: OwnedRwLockReadGuard<()> },
    Alone { _others: OwnedRwLockWriteGuard<()> },
}

/// A note that a version is being opened. It stays behind if the process dies meanwhile; the lock
/// on it does not, which tells a note of the dead from one of the living.
#[derive(Debug)]
pub(super) struct LoadNote {
    path: PathBuf,
    notes: LoadNotes,
    _lock: File,
    _turn: Turn,
}

impl LoadNotes {
    /// The notes in a folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            own: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// Notes that a version is about to be opened, until the note is dropped. None where another
    /// process is at it too, whose note is as good, or where this one was told to end.
    pub(super) async fn begin(&self, version: Digest) -> Result<Option<LoadNote>, LoadError> {
        let path = self.folder.join(version.hex());
        let turn = self.turn(&path).await;
        if self.own().ending {
            return Ok(None);
        }
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
        let loads = count(&text);
        if FATAL_LOADS <= loads {
            return Err(LoadError::Fatal { note: path, loads });
        }
        let written = note.rewind().and_then(|()| writeln!(note, "{}", loads + 1));
        written.map_err(unwritable)?;
        self.own().notes.insert(path.clone());
        Ok(Some(LoadNote {
            path,
            notes: self.clone(),
            _lock: note,
            _turn: turn,
        }))
    }

    /// Waits until a load may begin whose note is at this path.
    async fn turn(&self, path: &Path) -> Turn {
        let is_suspect = fs::read_to_string(path).is_ok_and(|text| 0 < count(&text));
        let turns = || Arc::clone(&self.turns);
        if is_suspect {
            // A load that never ends must not hold up those that would be alone.
            let alone = tokio::time::timeout(ALONE_WAIT, turns().write_owned()).await;
            if let Ok(others) = alone {
                return Turn::Alone { _others: others };
            }
        }
        let others = turns().read_owned().await;
        Turn::Beside { _others: others }
    }

    /// Takes this process's notes away and writes no more: it is told to end, no load ends it.
    pub fn forgive(&self) {
        let mut own = self.own();
        own.ending = true;
        for path in std::mem::take(&mut own.notes) {
            fs::remove_file(path).ok();
        }
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for LoadNote {
    fn drop(&mut self) {
        if self.notes.own().notes.remove(&self.path) {
            fs::remove_file(&self.path).ok();
        }
    }
}

/// Loads of a version that have ended their process, as its note says.
fn count(note: &str) -> u32 {
    note.trim().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(folder: &tempfile::TempDir) -> LoadNotes {
        LoadNotes::new(folder.path().to_owned())
    }

    /// As if the process had died: the lock goes, the note stays.
    fn die(notes: &LoadNotes, note: LoadNote) {
        notes.own().notes.clear();
        drop(note);
    }

    #[tokio::test]
    async fn a_version_that_ends_its_process_twice_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = notes(&folder);
        let version = Digest::of(b"a version");
        for _ in 0..3 {
            let begun = notes.begin(version).await;
            drop(begun.expect("loads that end well do not count"));
        }
        for _ in 0..2 {
            let note = notes.begin(version).await.expect("not yet");
            die(&notes, note.expect("nobody else"));
        }
        let error = notes.begin(version).await.expect_err("twice");
        assert!(error.to_string().contains("2 times"), "{error}");
        let other = Digest::of(b"another");
        assert!(notes.begin(other).await.is_ok());
    }

    #[tokio::test]
    async fn the_loads_of_the_living_do_not_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let (notes, others) = (notes(&folder), notes(&folder));
        let version = Digest::of(b"a version");
        let note = notes.begin(version).await.expect("begins");
        assert!(note.is_some());
        assert!(others.begin(version).await.expect("begins").is_none());
    }

    #[tokio::test]
    async fn a_version_that_ended_its_process_is_loaded_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = notes(&folder);
        let (suspect, other) = (Digest::of(b"a suspect"), Digest::of(b"another"));
        let note = notes.begin(suspect).await.expect("begins");
        die(&notes, note.expect("nobody else"));
        let alone = notes.begin(suspect).await.expect("once more");
        let soon = Duration::from_millis(50);
        let beside = tokio::time::timeout(soon, notes.begin(other)).await;
        assert!(beside.is_err(), "another waits for it");
        drop(alone);
        let other = notes.begin(other).await.expect("its turn has come");
        let third = notes.begin(Digest::of(b"a third")).await;
        assert!(third.is_ok_and(|note| note.is_some()), "side by side");
        drop(other);
    }

    #[tokio::test]
    async fn a_process_that_is_told_to_end_leaves_no_note() {
        let folder = tempfile::tempdir().expect("a folder");
        let notes = notes(&folder);
        let note = notes.begin(Digest::of(b"a version")).await.expect("begins");
        notes.forgive();
        let later = notes.begin(Digest::of(b"another")).await.expect("begins");
        assert!(later.is_none());
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0);
        drop(note);
    }
}
