//! The file of keys: what is kept of each, in TOML.
//!
//! It is written whole or not at all, by one process at a time. A new one is readable by its owner alone; one that is changed stays whose it
//! was, and readable by whom it was.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fairness::priority::Priority;

use super::{
    allowance::Allowance,
    scope::Scope,
    secret::{KeyHash, KeyId},
};

/// Largest file that is read.
const MAX_BYTES: u64 = 16 << 20;

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    /// The key's public part.
    pub id: KeyId,
    /// What its owner calls it.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// The highest priority that its requests may have.
    #[serde(default)]
    pub priority: Priority,
    /// What is kept of its secret part.
    pub secret: KeyHash,
    /// How much may be done with it.
    #[serde(default)]
    pub limits: Allowance,
}

/// Every key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecords {
    /// In the order in which they were made.
    #[serde(default, rename = "key")]
    pub keys: Vec<KeyRecord>,
}

/// Why keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It does not hold keys.
    #[error("{path} does not hold keys: {reason}")]
    NotKeys {
        /// The file.
        path: PathBuf,
        /// Why. Quotes nothing of the file but ids.
        reason: String,
    },
}

/// Reads every key.
///
/// # Errors
/// When the file cannot be read, or does not hold keys.
pub fn read(path: &Path) -> Result<KeyRecords, KeyFileError> {
    let failed = |error| io_error(path, error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if MAX_BYTES < length {
        return Err(not_keys(
            path,
            format!("it is larger than {MAX_BYTES} bytes"),
        ));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let records: KeyRecords = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |text| text.lines().count().max(1));
        not_keys(
            path,
            format!("what stands at line {line} is not as it must be"),
        )
    })?;
    let mut ids: Vec<&KeyId> = records.keys.iter().map(|key| &key.id).collect();
    ids.sort();
    let pairs = ids.windows(2).filter(|pair| pair.first() == pair.last());
    let mut twice: Vec<String> = pairs.flatten().map(ToString::to_string).collect();
    twice.dedup();
    if twice.is_empty() {
        return Ok(records);
    }
    let twice = twice.join(", ");
    Err(not_keys(path, format!("it holds keys twice: {twice}")))
}

/// Changes the keys; a file that is not there holds none.
///
/// # Errors
/// When the file cannot be read or written.
pub fn change<T>(
    path: &Path,
    change: impl FnOnce(&mut KeyRecords) -> T,
) -> Result<T, KeyFileError> {
    let failed = |error| io_error(path, error);
    let _lock = lock(path).map_err(failed)?;
    let mut records = match read(path) {
        Err(KeyFileError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
            KeyRecords::default()
        }
        records => records?,
    };
    let changed = change(&mut records);
    let text = toml::to_string(&records).map_err(|error| not_keys(path, error.to_string()))?;
    replace(path, &text).map_err(failed)?;
    Ok(changed)
}

fn lock(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(name)?;
    file.lock()?;
    Ok(file)
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    keep_owner(path, file.as_file()).map_err(|error| {
        let words = format!("its owner, group and mode cannot be kept: {error}");
        io::Error::new(error.kind(), words)
    })?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Makes a file as readable as the one that it will replace: root changes the keys of a server that
/// is not root.
fn keep_owner(path: &Path, file: &File) -> io::Result<()> {
    let before = match fs::metadata(path) {
        Ok(before) => before,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    if new.mode() != before.mode() {
        file.set_permissions(before.permissions())?;
    }
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> KeyFileError {
    KeyFileError::Io {
        path: path.to_owned(),
        error,
    }
}

fn not_keys(path: &Path, reason: String) -> KeyFileError {
    KeyFileError::NotKeys {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::secret::ApiKey, *};

    fn record() -> KeyRecord {
        let key = ApiKey::generate().expect("random bytes");
        KeyRecord {
            id: key.id().clone(),
            name: "mobile".to_owned(),
            created: "2026-03-01T10:00:00Z".parse().expect("a time"),
            expires: None,
            scopes: vec!["infer:*".parse().expect("a scope")],
            priority: Priority::Low,
            secret: KeyHash::of(&key).expect("random bytes"),
            limits: Allowance::default(),
        }
    }

    #[test]
    fn keys_are_read_as_they_were_written_and_by_their_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        let (first, second) = (record(), record());
        for key in [&first, &second] {
            change(&path, |records| records.keys.push(key.clone())).expect("changes");
        }
        assert_eq!(read(&path).expect("reads").keys, [first, second]);
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_is_changed_keeps_its_owner_and_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        change(&path, |records| records.keys.push(record())).expect("changes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("is our own");
        // Root alone can give a file away: then it must not come back.
        std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).ok();
        let read = || fs::metadata(&path).expect("is there");
        let before = read();
        change(&path, |records| records.keys.push(record())).expect("changes");
        let after = read();
        assert_ne!(after.ino(), before.ino(), "it was replaced");
        assert_eq!(after.mode() & 0o777, 0o640);
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    }

    #[test]
    fn two_writers_lose_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| change(&path, |records| records.keys.push(record())));
            }
        });
        assert_eq!(read(&path).expect("reads").keys.len(), 8);
    }

    #[test]
    fn what_are_no_keys_is_said_without_quoting_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.toml");
        fs::write(&path, "[[key]]\nid = \"a\"\nsecret = \"ocl_a_hush\"").expect("writes");
        let error = read(&path).expect_err("are no keys").to_string();
        assert!(error.contains("keys.toml does not hold keys"), "{error}");
        assert!(!error.contains("hush"), "{error}");
        let (one, other) = (record(), record());
        let path = folder.path().join("two.toml");
        change(&path, |records| {
            let keys = [&one, &other, &one, &other, &other, &record()];
            records.keys = keys.map(Clone::clone).into();
        })
        .expect("writes");
        let error = read(&path).expect_err("are there twice").to_string();
        let mut ids = [one.id.to_string(), other.id.to_string()];
        ids.sort();
        assert!(
            error.ends_with(&format!("twice: {}", ids.join(", "))),
            "{error}"
        );
    }
}
