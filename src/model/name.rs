//! Names, versions and labels of models, checked before any storage sees them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;

/// Longest model name, in bytes.
pub const MAX_NAME: usize = 128;

/// Longest label, in bytes.
const MAX_LABEL: usize = 64;

/// A model's name: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`, so it can be a folder and a path segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String, example = "detector")]
pub struct ModelName(String);

impl ModelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ModelName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"._-".contains(&c);
        let starts_well = text
            .bytes()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= MAX_NAME && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Name)
        }
    }
}

/// A model's version: a positive integer that fits in 63 bits, as TensorFlow Serving counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = i64, minimum = 1, example = 1)]
pub struct Version(i64);

impl Version {
    /// The version as a number, at least 1.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Version {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = !text.starts_with('0') && text.bytes().all(|c| c.is_ascii_digit());
        match text.parse() {
            Ok(number) if digits && number > 0 => Ok(Self(number)),
            _ => Err(NameError::Version),
        }
    }
}

/// A label: a name that moves between versions, like `stable` or `canary`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[schema(value_type = String, example = "canary")]
pub struct Label(String);

impl Label {
    /// The label that says which version answers where a request names none.
    pub const STABLE: &str = "stable";

    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Label {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"_-.".contains(&c);
        let starts_well = text
            .bytes()
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= MAX_LABEL && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::Label)
        }
    }
}

impl<'de> Deserialize<'de> for ModelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            number if 0 < number => Ok(Self(number)),
            _ => Err(D::Error::custom(NameError::Version)),
        }
    }
}

/// Why a text is no model name, version or label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a model name.
    #[error(
        "a model name is 1 to 128 letters, digits, '.', '_' or '-', and starts with a letter or digit"
    )]
    Name,
    /// Not a version.
    #[error("a version is a whole number from 1 to 9223372036854775807, without leading zeros")]
    Version,
    /// Not a label.
    #[error(
        "a label is 1 to 64 letters, digits, '.', '_' or '-', and starts with a letter or digit"
    )]
    Label,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folders_and_path_segments() {
        for good in ["a", "ResNet-50", "yolo.v8_n", "0", &"x".repeat(128)] {
            assert!(good.parse::<ModelName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "-a",
            "_a",
            "a/b",
            "a b",
            "a\0",
            "é",
            "a%2f",
            &"x".repeat(129),
        ] {
            assert_eq!(bad.parse::<ModelName>(), Err(NameError::Name), "{bad}");
        }
    }

    #[test]
    fn versions_are_positive_int64() {
        for good in ["1", "42", "20261123", "9223372036854775807"] {
            assert!(good.parse::<Version>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "0",
            "-1",
            "+1",
            "01",
            "1.0",
            "v1",
            "1e3",
            "9223372036854775808",
            "１",
        ] {
            assert_eq!(bad.parse::<Version>(), Err(NameError::Version), "{bad}");
        }
    }
}
