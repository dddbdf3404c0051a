//! A TensorFlow `SavedModel` folder made a folder that can be published.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::model::golden::GOLDEN_FOLDER;

use super::{
    PublishError,
    saved_model::{Conversion, ConvertError, Progress, Report, convert},
};

/// What converts, and what is converted.
#[derive(Clone, Debug)]
pub struct SavedModelFolder {
    /// The folder with the `SavedModel`, and beside it `model.toml`, labels and golden pictures.
    pub folder: PathBuf,
    /// The signature to convert; `serving_default` if none is named.
    pub signature: Option<String>,
    /// Where the Python environment of the conversion is kept.
    pub tools: PathBuf,
    /// The interpreter to make it with.
    pub python: PathBuf,
}

/// Why a `SavedModel` folder could not be made one that can be published.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The conversion failed, or ONNX Runtime answers otherwise than TensorFlow.
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// A file cannot be copied.
    #[error(transparent)]
    File(#[from] PublishError),
}

/// Converts a `SavedModel` and lays what was beside it beside its `model.onnx`, in a folder that is
/// gone when dropped. The two models are compared on the golden pictures, and on random inputs.
///
/// # Errors
/// When it cannot be converted, or the two models answer differently.
pub async fn stage(
    source: &SavedModelFolder,
    progress: Progress<'_>,
) -> Result<(tempfile::TempDir, Report), StageError> {
    let folder = &source.folder;
    let unusable = |error| PublishError::File {
        path: folder.clone(),
        error,
    };
    let staged = tempfile::tempdir().map_err(unusable)?;
    let pictures = copy_beside(folder, staged.path()).map_err(unusable)?;
    let conversion = Conversion {
        saved_model: folder.clone(),
        signature: source.signature.clone(),
        out: staged.path().join("model.onnx"),
        pictures,
        tools: source.tools.clone(),
        python: source.python.clone(),
    };
    let report = convert(&conversion, progress).await?;
    Ok((staged, report))
}

/// Copies contract, labels, notices and golden pictures, and gives the pictures' paths. What
/// TensorFlow put there stays.
fn copy_beside(folder: &Path, staged: &Path) -> io::Result<Vec<PathBuf>> {
    let is_tensorflows = |path: &Path| path.extension().is_some_and(|ending| ending == "pb");
    for path in files(folder)? {
        if !is_tensorflows(&path) {
            fs::copy(&path, staged.join(path.file_name().unwrap_or_default()))?;
        }
    }
    let golden = folder.join(GOLDEN_FOLDER);
    if !golden.is_dir() {
        return Ok(Vec::new());
    }
    fs::create_dir(staged.join(GOLDEN_FOLDER))?;
    let mut pictures = Vec::new();
    for path in files(&golden)? {
        let copy = staged
            .join(GOLDEN_FOLDER)
            .join(path.file_name().unwrap_or_default());
        fs::copy(&path, copy)?;
        if path.extension().is_some_and(|ending| ending != "json") {
            pictures.push(path);
        }
    }
    Ok(pictures)
}

/// The files in a folder, hidden ones left out.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}
