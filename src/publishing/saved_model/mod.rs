//! A TensorFlow `SavedModel` becomes an ONNX model, in a Python process of its own.
//!
//! TensorFlow is in no binary of ours: `assets/python` is carried along and run in an environment
//! that is made once. What it makes is kept only if ONNX Runtime answers as TensorFlow does.

mod environment;
mod error;
mod process;
mod report;
mod scratch;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{fs, process::Command};

pub use self::{
    error::ConvertError,
    report::{Difference, Report, Tensor},
};
use self::{process::Outcome, scratch::Scratch};

/// Hears what is being done, in a few words, as it begins.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

const SCRIPT: &str = include_str!("../../../assets/python/convert_saved_model.py");
const SCRIPT_LIMIT: Duration = Duration::from_mins(10);
const GRAPH: &str = "saved_model.pb";
/// What the script prints as it comes to a part of its work.
const PARTS: &[&str] = &["converting", "comparing"];

/// What to convert, and with what.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The folder with `saved_model.pb`, or one with such a folder named `saved_model`.
    pub saved_model: PathBuf,
    /// The signature to convert; `serving_default` if none is named.
    pub signature: Option<String>,
    /// Where `model.onnx` goes. Nothing is written there unless both models answer alike.
    pub out: PathBuf,
    /// Pictures to compare both models on, besides random inputs.
    pub pictures: Vec<PathBuf>,
    /// The folder in which the Python environment is kept, some 1.7 GB.
    pub tools: PathBuf,
    /// The interpreter to make the environment with, as a path or a name to look up.
    pub python: PathBuf,
}

impl Conversion {
    /// The interpreter that is looked up where none is named.
    pub const PYTHON: &str = "python3";
}

/// Makes `out` of a `SavedModel`, and says how far the two are apart.
///
/// It may be dropped at any time: the Python process ends with it.
///
/// # Errors
/// When there is no `SavedModel`, no fitting Python or no environment, when the model has no counterpart
/// in ONNX, and when ONNX Runtime answers otherwise than TensorFlow.
pub async fn convert(options: &Conversion, progress: Progress<'_>) -> Result<Report, ConvertError> {
    // Before 600 MB are fetched for nothing.
    let saved_model = find(&options.saved_model).await?;
    let python = environment::python(&options.tools, &options.python, progress).await?;
    let scratch = Scratch::make(&options.tools).await?;
    let report = scratch.path().join("report.json");
    let mut command = bare(&python, &scratch);
    command.args(arguments(options, &saved_model, &report));
    let outcome = process::run(command, SCRIPT, SCRIPT_LIMIT, &|line| {
        if PARTS.contains(&line) {
            progress(line);
        }
    })
    .await
    .map_err(|fault| fault.during("converting"))?;
    finish(&outcome, &report).await
}

/// Makes the environment ahead of a conversion, and gives its interpreter.
///
/// # Errors
/// When there is no fitting Python, or its packages cannot be installed.
pub async fn prepare(
    tools: &Path,
    python: &Path,
    progress: Progress<'_>,
) -> Result<PathBuf, ConvertError> {
    environment::python(tools, python, progress).await
}

async fn find(folder: &Path) -> Result<PathBuf, ConvertError> {
    for candidate in [folder.to_owned(), folder.join("saved_model")] {
        if fs::try_exists(candidate.join(GRAPH)).await.unwrap_or(false) {
            return Ok(candidate);
        }
    }
    Err(ConvertError::NoSavedModel(format!(
        "{} has no {GRAPH}, nor has a folder saved_model in it",
        folder.display()
    )))
}

/// The interpreter with nothing of ours around it: no credentials, no `PYTHONPATH`, no home.
fn bare(python: &Path, scratch: &Scratch) -> Command {
    let mut command = Command::new(python);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("HOME", scratch.path())
        .env("TMPDIR", scratch.path())
        // The last word says that the script itself comes by standard input.
        .args(["-I", "-B", "-"]);
    command
}

fn arguments(options: &Conversion, saved_model: &Path, report: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    // As one word with `=`, since a name may begin with a dash.
    let mut named = |name: &str, value: &std::ffi::OsStr| {
        let mut word = OsString::from(format!("--{name}="));
        word.push(value);
        words.push(word);
    };
    named("saved-model", saved_model.as_os_str());
    named("out", options.out.as_os_str());
    named("report", report.as_os_str());
    if let Some(signature) = &options.signature {
        named("signature", signature.as_ref());
    }
    for picture in &options.pictures {
        named("pictures", picture.as_os_str());
    }
    words
}

async fn finish(outcome: &Outcome, report: &Path) -> Result<Report, ConvertError> {
    if let Some(error) = ConvertError::of_script(outcome) {
        return Err(error);
    }
    let text = fs::read(report)
        .await
        .map_err(|source| ConvertError::file(report, source))?;
    serde_json::from_slice(&text).map_err(|fault| ConvertError::Report(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversion(folder: &Path) -> Conversion {
        Conversion {
            saved_model: folder.to_owned(),
            signature: Some("-odd".to_owned()),
            out: folder.join("model.onnx"),
            pictures: vec![folder.join("a b.jpg")],
            tools: folder.join("tools"),
            python: folder.join("no-such-python"),
        }
    }

    #[tokio::test]
    async fn a_folder_without_a_graph_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let options = conversion(folder.path());
        let error = convert(&options, &|_| ()).await.unwrap_err();
        assert!(matches!(error, ConvertError::NoSavedModel(_)), "{error}");
        assert!(!options.tools.exists());
    }

    #[tokio::test]
    async fn a_missing_python_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("saved_model");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join(GRAPH), "").unwrap();
        let error = convert(&conversion(folder.path()), &|_| ())
            .await
            .unwrap_err();
        assert!(
            matches!(error, ConvertError::PythonMissing { .. }),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("no-such-python"), "{text}");
        assert!(text.contains("3.10 to 3.13"), "{text}");
    }

    #[test]
    fn every_value_is_one_word_with_its_name() {
        let words = arguments(
            &conversion(Path::new("m")),
            Path::new("s"),
            Path::new("r.json"),
        );
        let expected = [
            "--saved-model=s",
            "--out=m/model.onnx",
            "--report=r.json",
            "--signature=-odd",
            "--pictures=m/a b.jpg",
        ];
        assert_eq!(words, expected.map(OsString::from));
    }
}
