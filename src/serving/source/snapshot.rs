//! What was last read of each model, on this machine's disk, so that a server that starts while
//! its bucket is away serves what its cache holds.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::model::{desired::Desired, digest::Digest, manifest::Manifest, name::ModelName};

/// One model's documents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub desired: Option<Desired>,
    pub sealed: Vec<KeptManifest>,
}

/// A manifest, and the digest of the bytes that it was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptManifest {
    pub content: Digest,
    pub manifest: Manifest,
}

/// The snapshots of one root.
#[derive(Clone, Debug)]
pub(super) struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    /// The snapshots of a root, in a folder for those of all roots.
    pub(super) fn of(root: &str, folder: &Path) -> Self {
        let folder = folder.join(Digest::of(root.as_bytes()).hex());
        Self { folder }
    }

    /// Keeps a model's documents; those without a version are not worth it.
    pub(super) fn keep(&self, name: &ModelName, snapshot: &Snapshot) {
        let kept = if snapshot.sealed.is_empty() {
            match fs::remove_file(self.path(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        } else {
            self.write(name, snapshot)
        };
        if let Err(cause) = kept {
            warn!(model.name = %name, %cause, "a model's documents cannot be kept in the cache");
        }
    }

    fn write(&self, name: &ModelName, snapshot: &Snapshot) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        serde_json::to_writer(&mut file, snapshot)?;
        file.flush()?;
        file.persist(self.path(name)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Every model that was kept.
    pub(super) fn all(&self) -> Vec<(ModelName, Snapshot)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let read = |path: PathBuf| {
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(".json")?
                .parse()
                .ok()?;
            let snapshot = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            Some((name, snapshot))
        };
        entries.filter_map(|entry| read(entry.path())).collect()
    }

    fn path(&self, name: &ModelName) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let snapshots = Snapshots::of("s3://bucket/a", folder.path());
        let cat: ModelName = "cat".parse().expect("a name");
        let manifest = serde_json::json!({
            "schema": 1, "model": "cat", "version": 2, "files": [],
        });
        let snapshot = Snapshot {
            desired: Some(Desired::default()),
            sealed: vec![KeptManifest {
                content: Digest::of(b"abc"),
                manifest: serde_json::from_value(manifest).expect("is one"),
            }],
        };
        snapshots.keep(&cat, &snapshot);
        assert_eq!(snapshots.all(), [(cat.clone(), snapshot)]);
        let other = Snapshots::of("s3://bucket/b", folder.path());
        assert_eq!(other.all(), []);
        snapshots.keep(&cat, &Snapshot::default());
        assert_eq!(snapshots.all(), []);
    }
}
