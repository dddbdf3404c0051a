//! The files of a folder that make a version.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    model::{
        key::Key,
        manifest::{MANIFEST_FILE, ManifestFile},
    },
    serving::cache::digest_of,
};

use super::PublishError;

/// Folders within folders that are looked into.
const MAX_DEPTH: usize = 8;

/// Every file of a folder by its path in it, with size and digest. Hidden files and a manifest are
/// left out. Blocks while it reads them.
pub(super) fn files(folder: &Path) -> Result<Vec<ManifestFile>, PublishError> {
    let mut files = Vec::new();
    walk(folder, "", MAX_DEPTH, &mut files)?;
    files.retain(|file| file.path != MANIFEST_FILE);
    files.sort();
    Ok(files)
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<ManifestFile>,
) -> Result<(), PublishError> {
    let unreadable = |path: PathBuf| |error: io::Error| PublishError::File { path, error };
    for entry in fs::read_dir(folder).map_err(unreadable(folder.to_owned()))? {
        let path = entry.map_err(unreadable(folder.to_owned()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let inner = format!("{prefix}{name}");
        if path.is_dir() && 0 < depth {
            walk(&path, &format!("{inner}/"), depth - 1, files)?;
        } else {
            inner.parse::<Key>()?;
            let size = path.metadata().map_err(unreadable(path.clone()))?.len();
            let sha256 = digest_of(&path).map_err(unreadable(path.clone()))?;
            files.push(ManifestFile {
                path: inner,
                size,
                sha256,
            });
        }
    }
    Ok(())
}
