use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::process::{Outcome, ProcessFault};

/// Why a `SavedModel` did not become an ONNX model.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The interpreter is nowhere to be found.
    #[error(
        "there is no Python at \"{}\": converting a SavedModel needs Python 3.10 to 3.13 with its venv \
         module (`apt-get install python3 python3-venv`), or name another interpreter",
        python.display()
    )]
    PythonMissing {
        /// What was looked for.
        python: PathBuf,
    },
    /// The interpreter is of a version that TensorFlow has no packages for.
    #[error(
        "\"{}\" is Python {found}, and TensorFlow's packages are for Python 3.10 to 3.13; name another \
         interpreter", python.display()
    )]
    PythonUnsupported {
        /// The interpreter.
        python: PathBuf,
        /// What it says it is.
        found: String,
    },
    /// The environment could not be made: no venv module, no package index, no room.
    #[error("the Python environment could not be made: {0}")]
    Environment(String),
    /// Another process makes the environment and does not come to an end.
    #[error(
        "another process holds {} for over {} minutes; end it and try again",
        path.display(), limit.as_secs() / 60
    )]
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A process did not end in time and was ended.
    #[error("{stage} took more than {} minutes and was ended", limit.as_secs() / 60)]
    TimedOut {
        /// What was being done.
        stage: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// A process could not be started or listened to.
    #[error("{stage} failed: {source}")]
    Process {
        /// What was being done.
        stage: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder of ours could not be made or read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no `saved_model.pb`.
    #[error("{0}")]
    NoSavedModel(String),
    /// The signature is not there; those that are, are listed.
    #[error("{0}")]
    UnknownSignature(String),
    /// ONNX lacks operators, which are named.
    #[error("{0}")]
    UnsupportedOperator(String),
    /// A picture to compare on cannot be read.
    #[error("{0}")]
    UnreadablePicture(String),
    /// The model cannot be loaded, converted or run.
    #[error("{0}")]
    NotConvertible(String),
    /// ONNX Runtime answers otherwise than TensorFlow, output by output.
    #[error("the converted model does not answer as TensorFlow does: {0}")]
    Differs(String),
    /// The converter ended in a way of its own: a fault in it, or no memory left.
    #[error("the converter ended with {status}: {last_line}")]
    Crashed {
        /// Its exit code or the signal that ended it.
        status: String,
        /// The last that it said.
        last_line: String,
    },
    /// The converter's report cannot be understood, so it is a fault of ours.
    #[error("the converter's report cannot be read: {0}")]
    Report(String),
}

impl ConvertError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// What the script's exit code says, `None` for success; the numbers are its `Exit`.
    pub(super) fn of_script(outcome: &Outcome) -> Option<Self> {
        let lines = outcome.errors();
        let of: fn(String) -> Self = match outcome.code() {
            Some(0) => return None,
            // Without a line of its own the code came from elsewhere.
            Some(_) | None if lines.is_empty() => return Some(Self::crashed(outcome)),
            Some(3) => Self::Differs,
            Some(4) => Self::NoSavedModel,
            Some(5) => Self::UnknownSignature,
            Some(6) => Self::UnsupportedOperator,
            Some(7) => Self::UnreadablePicture,
            Some(8) => Self::NotConvertible,
            Some(_) | None => return Some(Self::crashed(outcome)),
        };
        Some(of(lines.join("; ")))
    }

    fn crashed(outcome: &Outcome) -> Self {
        Self::Crashed {
            status: outcome.status.to_string(),
            last_line: outcome.last_line(),
        }
    }
}

impl ProcessFault {
    pub(super) fn during(self, stage: &'static str) -> ConvertError {
        match self {
            Self::TimedOut(limit) => ConvertError::TimedOut { stage, limit },
            Self::Io(source) => ConvertError::Process { stage, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    use super::*;

    fn ended(code: i32, stderr: &str) -> String {
        let outcome = Outcome {
            status: ExitStatus::from_raw(code << 8),
            stderr: stderr.to_owned(),
        };
        format!("{:?}", ConvertError::of_script(&outcome))
    }

    #[test]
    fn exit_codes_name_what_happened() {
        let stderr = "I0000 noise\nerror: one\nerror: two\n";
        let expected = [
            (0, "None"),
            (3, "Some(Differs(\"one; two\"))"),
            (4, "Some(NoSavedModel(\"one; two\"))"),
            (5, "Some(UnknownSignature(\"one; two\"))"),
            (6, "Some(UnsupportedOperator(\"one; two\"))"),
            (7, "Some(UnreadablePicture(\"one; two\"))"),
            (8, "Some(NotConvertible(\"one; two\"))"),
        ];
        for (code, text) in expected {
            assert_eq!(ended(code, stderr), text);
        }
    }

    #[test]
    fn an_end_without_a_line_of_the_script_is_a_crash() {
        for code in [1, 3, 99] {
            let text = ended(code, "Traceback:\nMemoryError\n\n");
            assert!(text.contains("Crashed"), "{text}");
            assert!(text.contains("MemoryError"), "{text}");
        }
        let killed = Outcome {
            status: ExitStatus::from_raw(9),
            stderr: String::new(),
        };
        let text = ConvertError::of_script(&killed).unwrap().to_string();
        assert!(text.contains("signal: 9"), "{text}");
    }
}
