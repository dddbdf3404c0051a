use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::environment::Environment;

use super::{EngineError, threads};

/// File name of ONNX Runtime's library on this platform.
pub const LIBRARY_FILE: &str = if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// What is started: the library allows itself once in a process, so later starts share it.
static STARTED: Mutex<Option<Environment>> = Mutex::new(None);

/// ONNX Runtime, started. Sessions are opened on it.
#[derive(Clone, Debug)]
pub struct Runtime {
    pub(super) environment: Environment,
}

impl Runtime {
    /// Loads the library and starts the runtime. Without a path, looks in `.ocellus/onnxruntime`,
    /// where `make engine` puts it, and beside the executable.
    ///
    /// # Errors
    /// When there is no library, or it is too old, or does not start.
    pub fn start(library: Option<&Path>) -> Result<Self, EngineError> {
        threads::prepare();
        let path = find(library)?;
        let unusable = |reason: String| EngineError::LibraryUnusable {
            path: path.clone(),
            reason,
        };
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = started.clone() {
            return Ok(Self { environment });
        }
        let environment = ort::init_from(&path)
            .map_err(|error| unusable(error.to_string()))?
            .with_name("ocellus")
            .with_telemetry(false)
            .build()
            .map_err(EngineError::Start)?;
        *started = Some(environment.clone());
        Ok(Self { environment })
    }
}

fn find(library: Option<&Path>) -> Result<PathBuf, EngineError> {
    let candidates = match library {
        Some(path) => vec![path.to_owned()],
        None => {
            let beside = std::env::current_exe()
                .ok()
                .and_then(|exe| exe.parent().map(Path::to_owned));
            let fetched = Path::new(".ocellus/onnxruntime").join(LIBRARY_FILE);
            std::iter::once(fetched)
                .chain(beside.map(|dir| dir.join(LIBRARY_FILE)))
                .collect()
        }
    };
    match candidates
        .iter()
        .find_map(|path| path.canonicalize().ok().filter(|path| path.is_file()))
    {
        Some(path) => Ok(path),
        None => Err(EngineError::LibraryMissing {
            searched: candidates,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_names_the_command_that_fetches_it() {
        let error = Runtime::start(Some(Path::new("/nowhere/lib.so"))).expect_err("is missing");
        let text = error.to_string();
        assert!(
            text.contains("/nowhere/lib.so") && text.contains("`make engine`"),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_is_no_library_is_unusable() {
        let error = Runtime::start(Some(Path::new("Cargo.toml"))).expect_err("is no library");
        assert!(
            matches!(error, EngineError::LibraryUnusable { .. }),
            "{error}"
        );
    }
}
