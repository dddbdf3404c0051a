use std::path::{Path, PathBuf};

use tokio::fs;
use uuid::Uuid;

use super::ConvertError;

/// A folder of one conversion, gone with this value.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) async fn make(tools: &Path) -> Result<Self, ConvertError> {
        let path = tools.join(format!("scratch-{}", Uuid::now_v7()));
        fs::create_dir_all(&path)
            .await
            .map_err(|source| ConvertError::file(&path, source))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A few small files; what cannot be removed now harms nobody.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
