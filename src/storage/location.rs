//! Where models live, as people write it.

use std::{fmt, path::PathBuf, str::FromStr};

/// A folder, or a prefix of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix, without a slash at either end; empty for the whole bucket.
        prefix: String,
    },
}

/// Why a text is no location.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing was given.
    #[error("no place is named; name a folder, or s3://bucket/prefix")]
    Empty,
    /// A scheme that is not known.
    #[error("{0:?} is neither a folder nor s3://bucket/prefix")]
    Scheme(String),
    /// No name of a bucket.
    #[error("{0:?} names no bucket: 3 to 63 lower-case letters, digits, '.' and '-'")]
    Bucket(String),
    /// No prefix.
    #[error("{0:?} has a prefix with an empty, '.' or '..' segment")]
    Prefix(String),
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return if text.is_empty() {
                Err(LocationError::Empty)
            } else {
                Ok(Self::Folder(PathBuf::from(text)))
            };
        };
        if scheme != "s3" {
            return Err(LocationError::Scheme(text.to_owned()));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-".contains(&c);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(plain) {
            return Err(LocationError::Bucket(text.to_owned()));
        }
        let prefix = prefix.trim_end_matches('/');
        let odd = |segment: &str| matches!(segment, "" | "." | "..");
        if !prefix.is_empty() && prefix.split('/').any(odd) {
            return Err(LocationError::Prefix(text.to_owned()));
        }
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_folders_are_told_apart() {
        let check = |text: &str, bucket: &str, prefix: &str| {
            let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
            assert_eq!(text.parse(), Ok(Location::S3 { bucket, prefix }), "{text}");
        };
        check("s3://models", "models", "");
        check("s3://models/", "models", "");
        check("s3://models/vision/prod/", "models", "vision/prod");
        assert_eq!("s3/x".parse(), Ok(Location::Folder("s3/x".into())));
        for bad in [
            "",
            "gs://models",
            "http://models",
            "s3://",
            "s3://A/b",
            "s3://models/a//b",
            "s3://models/../b",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad}");
        }
    }
}
