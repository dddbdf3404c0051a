use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
    fs,
    process::Command,
    time::{Instant, sleep},
};

use super::{
    ConvertError, Progress,
    process::{self, Outcome, ProcessFault},
};

const REQUIREMENTS: &str = include_str!("../../../assets/python/requirements-saved-model.txt");
/// Minor versions of Python 3 that every package has a wheel for.
const MINORS: std::ops::RangeInclusive<u32> = 10..=13;
const PIP_LIMIT: Duration = Duration::from_mins(20);
const ASK_LIMIT: Duration = Duration::from_secs(30);
const LOCK_LIMIT: Duration = Duration::from_mins(25);
const LOCK_PAUSE: Duration = Duration::from_millis(200);
const PIP: &[&str] = &[
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--require-hashes",
    "--only-binary=:all:",
    "--requirement",
];

/// The interpreter of the environment, which is made if it is not there.
pub(super) async fn python(
    tools: &Path,
    python: &Path,
    progress: Progress<'_>,
) -> Result<PathBuf, ConvertError> {
    let minor = minor_version(python).await?;
    let environment = tools.join(folder_name(minor));
    let interpreter = environment.join("bin/python");
    if there(&interpreter).await {
        return Ok(interpreter);
    }
    fs::create_dir_all(tools)
        .await
        .map_err(|source| ConvertError::file(tools, source))?;
    let lock = lock(&environment.with_added_extension("lock"), progress).await?;
    // The other one may have made it meanwhile.
    if !there(&interpreter).await {
        progress("making the Python environment (TensorFlow, some 600 MB, once)");
        make(python, &environment).await?;
    }
    drop(lock);
    Ok(interpreter)
}

/// An environment belongs to the packages in it and to the Python that it was made with.
fn folder_name(minor: u32) -> String {
    let digest = Sha256::digest(REQUIREMENTS);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}-python3.{minor}")
}

async fn there(path: &Path) -> bool {
    fs::try_exists(path).await.unwrap_or(false)
}

async fn minor_version(python: &Path) -> Result<u32, ConvertError> {
    let stage = "asking Python for its version";
    let answer = std::sync::Mutex::new(String::new());
    let script = "import sys; print('{}.{}'.format(*sys.version_info))";
    let asked = process::run(isolated(python, &["-"]), script, ASK_LIMIT, &|line| {
        if let Ok(mut answer) = answer.lock() {
            line.clone_into(&mut answer);
        }
    })
    .await;
    let outcome = match asked {
        Err(ProcessFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ConvertError::PythonMissing {
                python: python.to_owned(),
            });
        }
        asked => asked.map_err(|fault| fault.during(stage))?,
    };
    let found = answer.into_inner().unwrap_or_default();
    let minor = found.strip_prefix("3.").and_then(|text| text.parse().ok());
    match minor.filter(|minor| MINORS.contains(minor)) {
        Some(minor) => Ok(minor),
        None if outcome.status.success() => Err(ConvertError::PythonUnsupported {
            python: python.to_owned(),
            found,
        }),
        None => Err(ConvertError::Environment(outcome.last_line())),
    }
}

/// Waits for the file's lock; it goes with the file, also when the process dies.
async fn lock(path: &Path, progress: Progress<'_>) -> Result<File, ConvertError> {
    let file = File::create(path).map_err(|source| ConvertError::file(path, source))?;
    let deadline = Instant::now() + LOCK_LIMIT;
    let mut told = false;
    while Instant::now() < deadline {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(ConvertError::file(path, source)),
            Err(TryLockError::WouldBlock) => {
                if !told {
                    progress("waiting for another process to make the Python environment");
                    told = true;
                }
                sleep(LOCK_PAUSE).await;
            }
        }
    }
    Err(ConvertError::Locked {
        path: path.to_owned(),
        limit: LOCK_LIMIT,
    })
}

/// Under the lock. The name is taken last, so that an environment by that name is complete.
async fn make(python: &Path, environment: &Path) -> Result<(), ConvertError> {
    let part = environment.with_added_extension("part");
    // What an earlier process that was killed has left.
    match fs::remove_dir_all(&part).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ConvertError::file(&part, error));
        }
        _ => (),
    }
    let mut venv = isolated(python, &["-m", "venv"]);
    venv.arg(&part);
    done(venv, "making the Python environment").await?;
    let requirements = part.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)
        .await
        .map_err(|source| ConvertError::file(&requirements, source))?;
    // Scripts in bin/ keep the folder's first name, which is why only `python -m` is used.
    let mut pip = isolated(&part.join("bin/python"), PIP);
    pip.arg(&requirements);
    if let Err(error) = done(pip, "installing TensorFlow").await {
        // 1.7 GB are not left lying about.
        drop(fs::remove_dir_all(&part).await);
        return Err(error);
    }
    fs::rename(&part, environment)
        .await
        .map_err(|source| ConvertError::file(environment, source))
}

/// Python without its own variables. The others stay: proxies and package indexes are named there.
fn isolated(python: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(python);
    command.arg("-I").args(words);
    command
}

async fn done(command: Command, stage: &'static str) -> Result<(), ConvertError> {
    let mut said = String::new();
    let heard = std::sync::Mutex::new(&mut said);
    let outcome = process::run(command, "", PIP_LIMIT, &|line| {
        if let Ok(mut said) = heard.lock() {
            said.push_str(line);
            said.push('\n');
        }
    })
    .await
    .map_err(|fault| fault.during(stage))?;
    if outcome.status.success() {
        return Ok(());
    }
    Err(ConvertError::Environment(why(&outcome, &said)))
}

fn why(outcome: &Outcome, said: &str) -> String {
    // Without ensurepip, venv explains itself at length on standard output.
    if said.contains("ensurepip") || outcome.stderr.contains("No module named venv") {
        return "Python's venv module is incomplete; `apt-get install python3-venv` completes it"
            .to_owned();
    }
    let line = outcome
        .stderr
        .lines()
        .rfind(|line| line.starts_with("ERROR"))
        .map_or_else(|| outcome.last_line(), str::to_owned);
    format!("{line}; it needs a package index that pip can reach, and 2 GB of disk")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A shell writes it: a file that this process had open for writing may be busy when it is run.
    fn fake_python(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("python3");
        let written = std::process::Command::new("sh")
            .args([
                "-c",
                "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\"",
            ])
            .args([path.as_os_str(), script.as_ref()])
            .status()
            .unwrap();
        assert!(written.success());
        path
    }

    /// A stand-in that makes an empty environment, whose pip does what `pip` says.
    fn fake(folder: &Path, pip: &str) -> PathBuf {
        let inner = format!("#!/bin/sh\n{pip}\n");
        fake_python(
            folder,
            &format!(
                "case \"$2\" in -) echo 3.12;; -m) mkdir -p \"$4/bin\"; \
                 printf '{inner}' > \"$4/bin/python\"; chmod +x \"$4/bin/python\";; esac"
            ),
        )
    }

    #[tokio::test]
    async fn versions_without_packages_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["2.7", "3.9", "3.14"] {
            let fake = fake_python(folder.path(), &format!("echo {version}"));
            let error = python(folder.path(), &fake, &|_| ()).await.unwrap_err();
            assert!(error.to_string().contains(version), "{error}");
        }
    }

    #[tokio::test]
    async fn two_at_once_make_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let fake = fake(
            folder.path(),
            "echo run >> \"$(dirname \"$0\")/../runs\"; sleep 1",
        );
        let tools = folder.path().join("tools");
        let said = Mutex::new(Vec::new());
        let hear = |line: &str| said.lock().unwrap().push(line.to_owned());
        let (one, other) = tokio::join!(python(&tools, &fake, &hear), python(&tools, &fake, &hear));
        let interpreter = one.unwrap();
        assert_eq!(interpreter, other.unwrap());
        let runs = interpreter.parent().unwrap().join("../runs");
        assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
        let said = said.into_inner().unwrap();
        let made = said.iter().filter(|line| line.starts_with("making"));
        assert_eq!(made.count(), 1, "{said:?}");
    }

    #[tokio::test]
    async fn what_failed_half_way_is_neither_used_nor_left() {
        let folder = tempfile::tempdir().unwrap();
        let fake = fake(folder.path(), "echo \"ERROR: no such package\" >&2; exit 1");
        let tools = folder.path().join("tools");
        let error = python(&tools, &fake, &|_| ()).await.unwrap_err();
        assert!(error.to_string().contains("no such package"), "{error}");
        let left: Vec<_> = std::fs::read_dir(&tools).unwrap().collect();
        assert_eq!(left.len(), 1, "the lock alone: {left:?}");
    }
}
