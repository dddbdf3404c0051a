//! A version's folder, made of links to blobs.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A version's folder that is being made. What is in it already is not evicted: a blob with a link
/// beside its own is in use.
#[derive(Debug)]
pub(super) struct Making(TempDir);

impl Making {
    /// An empty one.
    pub(super) fn begin(incoming: &Path) -> io::Result<Self> {
        tempfile::tempdir_in(incoming).map(Self)
    }

    /// Where a file of the version is to be linked.
    pub(super) fn place(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Puts it in its place, whole or not at all. One that is there already, of the same files, stays.
    pub(super) fn finish(self, place: &Path, paths: &[String]) -> io::Result<()> {
        let linked = |path: &String| same_file(&self.place(path), &place.join(path));
        if paths.iter().all(linked) {
            return Ok(());
        }
        if place.exists() {
            fs::remove_dir_all(place)?;
        }
        fs::rename(self.0.keep(), place)
    }
}

/// Links a blob into a folder that is being made.
pub(super) fn link(blob: &Path, place: &Path) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::hard_link(blob, place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    fs::File::open(a).is_ok_and(|a| super::eviction::is_at(&a, b))
}
