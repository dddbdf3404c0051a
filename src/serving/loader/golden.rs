//! The golden check: pictures that the publisher chose must get the answers that they had.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::open::read_small;
use crate::{
    model::{
        contract::{Contract, signature_check::Bindings},
        golden::{GOLDEN_FOLDER, Golden, GoldenResult},
        labels::Labels,
    },
    postprocess::{self, selection::Selection},
    preprocess::{self, ImageLimits},
    serving::{LoadError, instance::Runner, servable::roles},
};

/// What a version is, as far as an answer depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub contract: &'a Contract,
    pub labels: &'a Labels,
    pub bindings: &'a Bindings,
}

/// Runs a version on every golden picture of its folder, with the contract's own defaults.
pub(super) fn check(
    folder: &Path,
    runner: &mut Runner,
    subject: Subject<'_>,
    limits: &ImageLimits,
) -> Result<(), LoadError> {
    let folder = folder.join(GOLDEN_FOLDER);
    for path in answers(&folder)? {
        let file = format!(
            "{GOLDEN_FOLDER}/{}",
            path.file_name().unwrap_or_default().display()
        );
        let unreadable = |reason: String| LoadError::GoldenFile {
            file: file.clone(),
            reason,
        };
        let text = read_small(&path, |path| fs::read(path))?;
        let golden: Golden =
            serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        let name = Path::new(&golden.picture).file_name().unwrap_or_default();
        if name != golden.picture.as_str() {
            return Err(unreadable(format!(
                "picture is {:?}, must be the name of a file beside it",
                golden.picture
            )));
        }
        let picture = folder.join(name);
        let bytes = read_small(&picture, |path| fs::read(path))?;
        let selection = Selection::usual(subject.contract, subject.labels)
            .map_err(|class| unreadable(format!("defaults.classes names {class:?}, no class")))?;
        let given = answer(
            runner,
            subject,
            (&golden.picture, &bytes),
            &selection,
            limits,
        )?;
        if let Some(difference) = golden.difference(&given, selection.confidence) {
            return Err(LoadError::Golden(difference));
        }
    }
    Ok(())
}

/// The golden answers in a folder, by name; none where there is no folder.
fn answers(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let path = folder.to_owned();
            return Err(LoadError::Read { path, error });
        }
    };
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let is_answer = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
    let mut answers: Vec<PathBuf> = paths.filter(is_answer).collect();
    answers.sort();
    Ok(answers)
}

fn answer(
    runner: &mut Runner,
    subject: Subject<'_>,
    (name, bytes): (&str, &[u8]),
    selection: &Selection,
    limits: &ImageLimits,
) -> Result<Vec<GoldenResult>, LoadError> {
    let Subject {
        contract,
        labels,
        bindings,
    } = subject;
    let unreadable = |error| LoadError::GoldenPicture {
        file: name.to_owned(),
        error,
    };
    let picture =
        preprocess::decode(bytes, limits, contract.input.background).map_err(unreadable)?;
    let prepared = preprocess::prepare(&picture, &contract.input).map_err(unreadable)?;
    let failed = |error| LoadError::WarmUp { batch: 1, error };
    let outputs = runner.run(vec![prepared.tensor]).map_err(failed)?;
    let outputs = outputs.into_iter().next().unwrap_or_default();
    let outputs = roles(bindings, &outputs);
    let (output, geometry) = (&contract.output, &prepared.geometry);
    let results = postprocess::postprocess(&outputs, output, labels, geometry, selection);
    let results = results.map_err(LoadError::WarmUpAnswer)?;
    Ok(results.iter().map(GoldenResult::from).collect())
}
