//! Which versions are wanted: every version in a folder of models.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tracing::warn;

use crate::model::name::{ModelName, Version};

/// A version that is wanted, and the folder that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AspiredVersion {
    /// The model.
    pub name: ModelName,
    /// Its version.
    pub version: Version,
    /// `<root>/<model>/<version>`.
    pub folder: PathBuf,
}

/// Why a folder of models could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder is not there, or may not be read.
    #[error("the folder of models {} cannot be read: {error}", root.display())]
    Read {
        /// The folder.
        root: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// There is no version of any model in it.
    #[error(
        "the folder of models {} holds no model: a model is <model>/<version>/model.onnx with a \
         model.toml beside it, its version a number; `make models` makes the demo models",
        .0.display()
    )]
    Empty(PathBuf),
}

/// Every version of every model in a folder, newest first within a model.
///
/// # Errors
/// When the folder cannot be read or holds no model.
pub fn aspired_versions(root: &Path) -> Result<Vec<AspiredVersion>, SourceError> {
    let unreadable = |error| SourceError::Read {
        root: root.to_owned(),
        error,
    };
    let mut aspired = Vec::new();
    for (name, folder) in subfolders(root).map_err(unreadable)? {
        let Ok(name) = name.parse::<ModelName>() else {
            warn!(folder = %folder.display(), "folder is not named like a model, skipped");
            continue;
        };
        let versions = subfolders(&folder).map_err(unreadable)?;
        let before = aspired.len();
        for (version, folder) in versions {
            match version.parse::<Version>() {
                Ok(version) => {
                    aspired.push(AspiredVersion {
                        name: name.clone(),
                        version,
                        folder,
                    });
                }
                Err(_) => {
                    warn!(folder = %folder.display(), "folder is not named like a version, skipped");
                }
            }
        }
        if before == aspired.len() {
            warn!(model.name = %name, "model has no version, its folders must be numbers");
        }
    }
    if aspired.is_empty() {
        return Err(SourceError::Empty(root.to_owned()));
    }
    aspired.sort_by(|a, b| a.name.cmp(&b.name).then(b.version.cmp(&a.version)));
    Ok(aspired)
}

/// The folders in a folder, by name; hidden ones are not looked at.
fn subfolders(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if !name.starts_with('.') && path.is_dir() {
            found.push((name.to_owned(), path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_versions_and_the_newest_comes_first() {
        let root = tempfile::tempdir().expect("a folder");
        for folder in [
            "cat/2",
            "cat/10",
            "cat/latest",
            "cat/.tmp",
            "dog/0",
            "not a model/1",
        ] {
            fs::create_dir_all(root.path().join(folder)).expect("a folder");
        }
        fs::write(root.path().join("README.md"), "").expect("a file");
        let aspired = aspired_versions(root.path()).expect("readable");
        let found: Vec<_> = aspired
            .iter()
            .map(|a| format!("{} {}", a.name, a.version))
            .collect();
        assert_eq!(found, ["cat 10", "cat 2"]);
    }

    #[test]
    fn a_missing_and_an_empty_folder_say_so() {
        let root = tempfile::tempdir().expect("a folder");
        let missing = aspired_versions(&root.path().join("nowhere")).expect_err("is missing");
        assert!(matches!(missing, SourceError::Read { .. }), "{missing}");
        let empty = aspired_versions(root.path()).expect_err("is empty");
        assert!(empty.to_string().contains("holds no model"), "{empty}");
    }
}
