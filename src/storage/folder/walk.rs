//! Every object below a folder.

use std::{fs, io, path::Path, sync::PoisonError};

use tracing::warn;

use super::{FolderStore, refused, tag};
use crate::storage::{Listed, StoreError};

/// Folders within folders that are looked into.
const MAX_DEPTH: usize = 16;

impl FolderStore {
    pub(super) fn walk(&self, prefix: &str) -> Result<Vec<Listed>, StoreError> {
        if !self.root.is_dir() {
            return Err(StoreError::NotFound(self.name.clone()));
        }
        let folder = self.root.join(prefix);
        let mut listed = Vec::new();
        if folder.is_dir() {
            self.walk_into(&folder, prefix, MAX_DEPTH, &mut listed)?;
        }
        listed.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(listed)
    }

    /// Says once of a folder that it cannot be read.
    fn leave_out(&self, folder: &Path, cause: &io::Error) {
        let unreadable = self.unreadable.lock();
        let mut unreadable = unreadable.unwrap_or_else(PoisonError::into_inner);
        if unreadable.insert(folder.to_owned()) {
            warn!(folder = %folder.display(), %cause, "folder left out, it cannot be read");
        }
    }

    fn walk_into(
        &self,
        folder: &Path,
        prefix: &str,
        depth: usize,
        listed: &mut Vec<Listed>,
    ) -> Result<(), StoreError> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // It went between being listed and being looked into.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // One folder that cannot be read leaves the others alone.
            Err(error) if depth < MAX_DEPTH => {
                self.leave_out(folder, &error);
                return Ok(());
            }
            Err(error) => return Err(refused(folder, error)),
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            // What is there no more, or is a link to nothing, is as good as not there.
            let Ok(found) = fs::metadata(entry.path()) else {
                continue;
            };
            let key = format!("{prefix}{name}");
            if found.is_dir() && 0 < depth {
                self.walk_into(&entry.path(), &format!("{key}/"), depth - 1, listed)?;
            } else if found.is_file() {
                listed.push(Listed {
                    key,
                    size: found.len(),
                    tag: tag(&found),
                });
            }
        }
        Ok(())
    }
}
