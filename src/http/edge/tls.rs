//! TLS, and certificates that are renewed while it is served.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;
use tracing::{error, info};

/// How often it is looked whether the files changed.
const LOOK: Duration = Duration::from_secs(5);

/// The protocols that are offered, the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("{setting}: {}: {error}", path.display())]
    File {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: rustls::pki_types::pem::Error,
    },
    /// The files do not fit.
    #[error("http.tls_certificate and http.tls_key: {0}")]
    Unfit(#[from] rustls::Error),
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads both.
    ///
    /// # Errors
    /// When one cannot be read, or they do not fit.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(read(&certificate, &key)?));
        Ok(Self {
            certificate,
            key,
            current,
        })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    /// Reads the files anew whenever they change, for ever. New connections are encrypted with
    /// what could be read last.
    pub async fn follow(&self) {
        let mut seen = self.stamps();
        loop {
            tokio::time::sleep(LOOK).await;
            let stamps = self.stamps();
            if stamps == seen {
                continue;
            }
            match read(&self.certificate, &self.key) {
                Ok(config) => {
                    let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                    *current = Arc::new(config);
                    info!(certificate = %self.certificate.display(), "TLS certificate renewed");
                    seen = stamps;
                }
                // The second of two files may not be there yet: it is tried again.
                Err(cause) => error!(%cause, "the new TLS certificate is not used"),
            }
        }
    }

    fn stamps(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| fs::metadata(path).ok()?.modified().ok())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let unreadable = |setting, path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::File {
            setting,
            path,
            error,
        }
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(unreadable("http.tls_certificate", certificate))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(unreadable("http.tls_key", key))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(config)
}
