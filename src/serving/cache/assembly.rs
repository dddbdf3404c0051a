//! A version's folder, made of links to blobs.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::eviction::is_at;

/// Makes the version's folder of links to its blobs, whole or not at all.
pub(super) fn assemble(
    incoming: &Path,
    place: &Path,
    blobs: &[(PathBuf, String)],
) -> io::Result<()> {
    let linked = |(blob, path): &(PathBuf, String)| same_file(blob, &place.join(path));
    if blobs.iter().all(linked) {
        return Ok(());
    }
    let making = tempfile::tempdir_in(incoming)?;
    for (blob, path) in blobs {
        let link = making.path().join(path);
        if let Some(folder) = link.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::hard_link(blob, link)?;
    }
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::rename(making.keep(), place)
}

fn same_file(a: &Path, b: &Path) -> bool {
    File::open(a).is_ok_and(|a| is_at(&a, b))
}
