//! TLS of both ends, and certificates that are renewed while it is served.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::WantsClientCert,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::TlsFiles;

use super::{Protocols, renewed::Renewed};

/// What is renewed, as the log calls it.
const RENEWED: &str = "TLS certificates";

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM.
    #[error("{setting}: {}: {error}", path.display())]
    File {
        /// The setting that names it.
        setting: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit, or one of them cannot be used.
    #[error("{section}.tls_certificate and {section}.tls_key: {error}")]
    Unfit {
        /// The section of the settings.
        section: &'static str,
        /// What is wrong.
        error: rustls::Error,
    },
    /// A server without a certificate.
    #[error(
        "{0}.tls_certificate is missing: a server shows one, whatever {0}.tls_ca asks of others"
    )]
    NoIdentity(&'static str),
    /// A client that would believe anyone.
    #[error("{0}.tls_ca is missing: it says whose certificates are believed")]
    NoCa(&'static str),
    /// Nobody can be checked by these certificates.
    #[error("{section}.tls_ca: {error}")]
    Ca {
        /// The section of the settings.
        section: &'static str,
        /// What is wrong.
        error: VerifierBuilderError,
    },
}

/// TLS of a server. Where it has the certificates of a CA, callers must show one of theirs.
#[derive(Debug)]
pub struct ServerTls {
    files: TlsFiles,
    protocols: Protocols,
    config: Renewed<ServerConfig>,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one is missing or cannot be read, or they do not fit.
    pub fn load(files: TlsFiles, protocols: Protocols) -> Result<Self, TlsError> {
        let config = Renewed::new(RENEWED, files.paths(), files.server(protocols)?);
        Ok(Self {
            files,
            protocols,
            config,
        })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.current())
    }

    /// Changes once other files hold.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.config.news()
    }

    /// Reads the files anew, at once.
    pub fn renew(&self) {
        self.config.renew(self.files.server(self.protocols));
    }

    /// Reads the files anew whenever they change, for ever. New connections are encrypted with
    /// what could be read last.
    pub async fn follow(&self) {
        let read = || self.files.server(self.protocols);
        self.config.follow(read).await;
    }
}

/// TLS of a client, which believes certificates of a CA alone, and shows its own if it has one.
#[derive(Debug)]
pub struct ClientTls {
    files: TlsFiles,
    config: Renewed<ClientConfig>,
}

impl ClientTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one is missing or cannot be read, or they do not fit.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let config = Renewed::new(RENEWED, files.paths(), files.client()?);
        Ok(Self { files, config })
    }

    pub(super) fn connector(&self) -> TlsConnector {
        TlsConnector::from(self.config.current())
    }

    /// See [`ServerTls::follow`].
    pub async fn follow(&self) {
        self.config.follow(|| self.files.client()).await;
    }
}

impl TlsFiles {
    fn paths(&self) -> Vec<PathBuf> {
        let identity = self.identity.iter().flat_map(|(chain, key)| [chain, key]);
        identity.chain(&self.ca).cloned().collect()
    }

    fn server(&self, protocols: Protocols) -> Result<ServerConfig, TlsError> {
        let section = self.section;
        let (chain, key) = self.read_identity()?.ok_or(TlsError::NoIdentity(section))?;
        let unfit = |error| TlsError::Unfit { section, error };
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(unfit)?;
        let builder = match self.read_ca()? {
            Some(ca) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(ca.into(), provider());
                let verifier = verifier.build();
                builder.with_client_cert_verifier(
                    verifier.map_err(|error| TlsError::Ca { section, error })?,
                )
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(unfit)?;
        config.alpn_protocols = match protocols {
            Protocols::Any => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Protocols::Http2 => vec![b"h2".to_vec()],
        };
        Ok(config)
    }

    fn client(&self) -> Result<ClientConfig, TlsError> {
        let section = self.section;
        let ca = self.read_ca()?.ok_or(TlsError::NoCa(section))?;
        let unfit = |error| TlsError::Unfit { section, error };
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(unfit)?;
        let builder: rustls::ConfigBuilder<_, WantsClientCert> = builder.with_root_certificates(ca);
        let mut config = match self.read_identity()? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(unfit)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    fn read_identity(&self) -> Result<Option<Identity>, TlsError> {
        let Some((chain, key)) = &self.identity else {
            return Ok(None);
        };
        let private = PrivateKeyDer::from_pem_file(key);
        let private = private.map_err(|error| self.unreadable("tls_key", key, error))?;
        Ok(Some((
            self.certificates("tls_certificate", chain)?,
            private,
        )))
    }

    fn read_ca(&self) -> Result<Option<RootCertStore>, TlsError> {
        let Some(path) = &self.ca else {
            return Ok(None);
        };
        let mut store = RootCertStore::empty();
        for certificate in self.certificates("tls_ca", path)? {
            let error = |_| rustls::pki_types::pem::Error::NoItemsFound;
            let added = store.add(certificate).map_err(error);
            added.map_err(|error| self.unreadable("tls_ca", path, error))?;
        }
        Ok(Some(store))
    }

    fn certificates(
        &self,
        name: &str,
        path: &Path,
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let read = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(|read| match read.is_empty() {
                true => Err(rustls::pki_types::pem::Error::NoItemsFound),
                false => Ok(read),
            });
        read.map_err(|error| self.unreadable(name, path, error))
    }

    fn unreadable(
        &self,
        name: &str,
        path: &Path,
        error: rustls::pki_types::pem::Error,
    ) -> TlsError {
        TlsError::File {
            setting: format!("{}.{name}", self.section),
            path: path.to_owned(),
            error,
        }
    }
}

/// A certificate chain and the private key of its first.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
