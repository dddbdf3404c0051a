//! Pictures fetched from peers whose certificates are trusted, and others.

use std::sync::Arc;

use reqwest::{Certificate, Client};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{config::Schemes, error::ErrorCode};

use super::{Set, fetcher, later, peer::Peer};

#[tokio::test]
async fn https_is_checked_and_does_not_become_http() {
    let made = rcgen::generate_simple_self_signed(["pictures.test".to_owned()]).expect("made");
    let der = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("has some")
        .with_no_client_auth()
        .with_single_cert(vec![der], key)
        .expect("fits");
    let mut peer = Peer::start(Some(TlsAcceptor::from(Arc::new(config)))).await;
    let trusted = Certificate::from_der(made.cert.der()).expect("a certificate");
    let port = peer.port;
    let fetch = async |url: String, schemes, trusted: Option<&Certificate>| {
        let client = Client::builder().tls_certs_only(trusted.cloned());
        let set = Set {
            schemes,
            ..Set::default()
        };
        let fetcher = fetcher(client, port, set);
        fetcher
            .fetch(&url, &later())
            .await
            .map_err(|problem| problem.code)
    };
    let url = |host: &str, path| format!("https://{host}:{port}/{path}");
    let (https, both) = (Schemes::Https, Schemes::HttpsAndHttp);
    let (refused, unreachable) = (ErrorCode::UrlRefused, ErrorCode::UrlUnreachable);
    let good = url("pictures.test", "picture");
    let found = fetch(good.clone(), https, Some(&trusted)).await;
    assert_eq!(found.as_deref(), Ok(&b"a picture"[..]));
    let down = url("pictures.test", "plain");
    assert_eq!(fetch(down, both, Some(&trusted)).await, Err(refused));
    assert_eq!(peer.heads().len(), 2, "nothing was asked over http");
    let other = url("rebinding.test", "picture");
    assert_eq!(fetch(other, https, Some(&trusted)).await, Err(unreachable));
    assert_eq!(fetch(good, https, None).await, Err(unreachable));
    let plain = format!("http://pictures.test:{}/picture", peer.port);
    assert_eq!(fetch(plain, https, Some(&trusted)).await, Err(refused));
}
