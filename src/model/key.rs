//! Keys of objects, checked before any storage sees them.

use std::{fmt, str::FromStr};

/// Longest key, in bytes; S3 allows 1024 with the root's prefix.
const MAX_KEY: usize = 700;

/// An object's key below the root: segments of letters, digits, `.`, `_`, `-`, `+`, `@` and spaces,
/// joined by `/`; none is empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a path of an object: segments of letters, digits, '.', '_', '-', '+', '@' and \
     spaces joined by '/', none of them empty, '.' or '..', at most {MAX_KEY} bytes in all"
)]
pub struct KeyError(pub String);

impl Key {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let plain = |c: char| c.is_alphanumeric() || "._-+@ ".contains(c);
        let sound =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(plain);
        if text.len() <= MAX_KEY && text.split('/').all(sound) {
            Ok(Self(text.to_owned()))
        } else {
            Err(KeyError(text.chars().take(MAX_KEY).collect()))
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_root() {
        for good in [
            "index.json",
            "cat/1/model.onnx",
            "cat/1/golden/a b.jpg",
            "cat/1/é.png",
        ] {
            assert!(good.parse::<Key>().is_ok(), "{good}");
        }
        let long = "x".repeat(MAX_KEY + 1);
        for bad in [
            "", "/", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\0", "a\nb", &long,
        ] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }
}
