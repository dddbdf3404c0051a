//! Where an identity provider publishes its public keys: a file, or an address.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Client, StatusCode, redirect::Policy};
use tokio::{fs::File, io::AsyncReadExt as _};
use url::{Position, Url};

use crate::{config::Jwks, error::causes};

use super::key_set::{MAX_BYTES, NoKeySet};

/// Longest time for an answer.
const FETCH: Duration = Duration::from_secs(5);

/// Why public keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The address cannot be reached, or does not answer in time.
    #[error("{place} cannot be read: {cause}")]
    Unreachable {
        /// The address.
        place: String,
        /// Why.
        cause: String,
    },
    /// It answers something else.
    #[error("{place} answers {status}, not 200")]
    Status {
        /// The address.
        place: String,
        /// What it answers.
        status: StatusCode,
    },
    /// It does not hold keys.
    #[error("{place}: {error}")]
    NoKeySet {
        /// The file or the address.
        place: String,
        /// Why.
        error: NoKeySet,
    },
    /// It holds no key that can be used.
    #[error("{0} holds no key for signatures with RSA, P-256, P-384 or Ed25519")]
    NoKey(String),
    /// No connections can be encrypted.
    #[error("nothing can be fetched: {0}")]
    Client(reqwest::Error),
}

/// Where public keys are.
#[derive(Debug)]
pub(super) enum Place {
    File(PathBuf),
    Url(Url, Client),
}

impl Place {
    pub(super) fn open(place: &Jwks) -> Result<Self, JwksError> {
        Ok(match place {
            Jwks::File(path) => Self::File(path.clone()),
            Jwks::Url(url) => Self::Url(url.clone(), client(url).map_err(JwksError::Client)?),
        })
    }

    pub(super) fn is(&self, place: &Jwks) -> bool {
        match (self, place) {
            (Self::File(own), Jwks::File(other)) => own == other,
            (Self::Url(own, _), Jwks::Url(other)) => own == other,
            (Self::File(_), Jwks::Url(_)) | (Self::Url(..), Jwks::File(_)) => false,
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Url(url, _) => bare(url),
        }
    }

    /// What is there, or the first part of what is too large.
    pub(super) async fn read(&self) -> Result<Vec<u8>, JwksError> {
        match self {
            Self::File(path) => {
                let read = read_file(path).await;
                read.map_err(|error| JwksError::File {
                    path: path.clone(),
                    error,
                })
            }
            Self::Url(url, client) => fetch(url, client).await,
        }
    }
}

/// At most one byte more than a set may have.
async fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).await?;
    file.take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .await?;
    Ok(bytes)
}

async fn fetch(url: &Url, client: &Client) -> Result<Vec<u8>, JwksError> {
    let failed = |error: reqwest::Error| JwksError::Unreachable {
        place: bare(url),
        cause: causes(&error.without_url()),
    };
    let mut response = client.get(url.clone()).send().await.map_err(failed)?;
    let status = response.status();
    if status != StatusCode::OK {
        let place = bare(url);
        return Err(JwksError::Status { place, status });
    }
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&part);
        if MAX_BYTES < bytes.len() {
            break;
        }
    }
    Ok(bytes)
}

/// An address as it may be logged: what follows its path may be a secret.
fn bare(url: &Url) -> String {
    url[..Position::AfterPath].to_owned()
}

/// Follows no redirect: keys come from the address that is configured, or not at all.
fn client(url: &Url) -> reqwest::Result<Client> {
    let builder = Client::builder().redirect(Policy::none()).timeout(FETCH);
    // What is on this machine is not asked for through a proxy.
    let builder = match url.scheme() {
        "http" => builder.no_proxy(),
        _ => builder.https_only(true),
    };
    builder.build()
}
