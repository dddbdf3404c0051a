//! A gateway and its core over TLS, each known to the other by a certificate.

use std::{net::SocketAddr, path::Path, time::Duration};

use ocellus::app::{AppError, Role};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, timeout},
};

use crate::{
    pictures::{RED, plain, png},
    server::{Setting, TestServer, app_of, tiny_models},
};

/// Time in which a gateway finds its core again.
const FOUND: Duration = Duration::from_secs(15);

/// A CA, and what it signed.
struct Certificates {
    folder: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let ca = CertifiedIssuer::self_signed(params, key).expect("signed");
        std::fs::write(folder.path().join("ca.pem"), ca.pem()).expect("writes");
        let made = Self { folder, ca };
        made.sign("core", &["127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
        made.sign("gateway", &[], ExtendedKeyUsagePurpose::ClientAuth);
        made
    }

    /// Signs a certificate, over the one that was there.
    fn sign(&self, name: &str, addresses: &[&str], usage: ExtendedKeyUsagePurpose) {
        let names: Vec<String> = addresses.iter().map(|one| (*one).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.ca).expect("signed");
        let write = |end: &str, text: String| {
            std::fs::write(self.folder.path().join(format!("{name}{end}")), text).expect("writes");
        };
        write(".pem", certificate.pem());
        write(".key", key.serialize_pem());
    }

    fn path(&self, name: &str) -> &'static str {
        leaked(self.folder.path().join(name).display().to_string())
    }

    /// What one end is told of its own certificate and of the other's.
    fn settings(&self, name: &str) -> Vec<Setting> {
        let mut settings = self.shown(name);
        settings.push(("grpc.tls_ca", self.path("ca.pem")));
        settings
    }

    fn shown(&self, name: &str) -> Vec<Setting> {
        vec![
            ("grpc.tls_certificate", self.path(&format!("{name}.pem"))),
            ("grpc.tls_key", self.path(&format!("{name}.key"))),
        ]
    }
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A core that serves the tiny models.
struct Core {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), AppError>>,
}

impl Core {
    async fn start(settings: &[Setting]) -> Self {
        let settings = [&[("grpc.address", "127.0.0.1:0")], settings].concat();
        let app = app_of(Role::Core, &tiny_models(), &settings).await;
        let app = app.expect("the core starts");
        let address = app.grpc_address().expect("bound");
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(app.run(ready, async {
            stopped.await.ok();
        }));
        is_ready.await.expect("the core is ready");
        Self {
            address,
            stop,
            running,
        }
    }

    async fn stop(self) {
        self.stop.send(()).expect("runs");
        self.running.await.expect("no panic").expect("ends well");
    }

    fn url(&self, scheme: &str) -> &'static str {
        leaked(format!("{scheme}://{}", self.address))
    }
}

#[tokio::test]
async fn gateway_and_core_know_each_other_by_their_certificates() {
    let certificates = Certificates::new();
    let core = Core::start(&certificates.settings("core")).await;
    let url = core.url("https");
    let mut gateway = TestServer::gateway(url, &certificates.settings("gateway")).await;
    gateway.until_ready().await;
    let answer = gateway
        .answer("colors", png(&plain(16, 16, RED)), &[])
        .await;
    assert_eq!(answer["images"][0]["results"][0]["label"], "red");

    // Administration goes the same way.
    let load = gateway.url("/v2/repository/models/colors/load");
    let load = gateway.client.post(load).send().await.expect("an answer");
    assert_eq!(load.status(), 200);

    // Nobody else gets in: no certificate, one of another CA, none at all in the clear.
    let others = Certificates::new();
    let ca = ("grpc.tls_ca", certificates.path("ca.pem"));
    for shown in [vec![ca], [others.shown("gateway"), vec![ca]].concat()] {
        let stranger = TestServer::gateway(url, &shown).await;
        never_ready(&stranger).await;
    }
    // And a gateway believes nobody else.
    let mistrusting = TestServer::gateway(url, &others.settings("gateway")).await;
    never_ready(&mistrusting).await;
    let mut stream = TcpStream::connect(core.address).await.expect("connects");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(preface).await.expect("writes");
    let mut read = Vec::new();
    let closed = timeout(FOUND, stream.read_to_end(&mut read)).await;
    closed.expect("closed in time").ok();
    assert!(!read.starts_with(b"\0\0"), "no frame is sent in the clear");
}

/// Long enough for several tries to reach the core.
async fn never_ready(gateway: &TestServer) {
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        assert_eq!(gateway.get_operations("/readyz").await.status(), 503);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_does_not_go_together_is_said_at_the_start() {
    let certificates = Certificates::new();
    let check = async |role: Role, settings: &[Setting], words: &str| {
        let error: AppError = app_of(role, &tiny_models(), settings)
            .await
            .expect_err("does not start");
        let said = error.to_string();
        assert!(said.contains(words), "{said}");
    };
    let ca = ("grpc.tls_ca", certificates.path("ca.pem"));
    let address = ("grpc.address", "127.0.0.1:0");
    check(
        Role::Core,
        &[address, ca],
        "grpc.tls_certificate is missing",
    )
    .await;
    let https = ("core", "https://127.0.0.1:1");
    check(Role::Gateway, &[https], "https needs grpc.tls_ca").await;
    let http = ("core", "http://127.0.0.1:1");
    check(Role::Gateway, &[http, ca], "begins with https").await;
    let shown = certificates.shown("gateway");
    let settings = [&[https], &*shown].concat();
    check(Role::Gateway, &settings, "grpc.tls_ca is missing").await;
    let empty = certificates.path("empty.pem");
    std::fs::write(Path::new(empty), "").expect("writes");
    let settings = [https, ("grpc.tls_ca", empty)];
    check(Role::Gateway, &settings, "grpc.tls_ca: ").await;
}

#[tokio::test]
async fn both_ends_renew_their_certificates() {
    let certificates = Certificates::new();
    let core = Core::start(&certificates.settings("core")).await;
    let url = core.url("https");
    let mut gateway = TestServer::gateway(url, &certificates.settings("gateway")).await;
    gateway.until_ready().await;

    // A new CA, and new certificates of both ends: those who know the old one are strangers now.
    let next = Certificates::new();
    for file in [
        "ca.pem",
        "core.pem",
        "core.key",
        "gateway.pem",
        "gateway.key",
    ] {
        std::fs::copy(next.path(file), certificates.path(file)).expect("copies");
    }
    let mut fresh = TestServer::gateway(url, &next.settings("gateway")).await;
    timeout(FOUND, fresh.until_ready()).await.expect("renewed");

    // The first gateway has renewed its own, too, and finds a core that is started anew.
    let address = leaked(core.address.to_string());
    let settings = [&*next.settings("core"), &[("grpc.address", address)]].concat();
    core.stop().await;
    gateway.until("/readyz", 503).await;
    let _core = Core::start(&settings).await;
    timeout(FOUND, gateway.until("/readyz", 200))
        .await
        .expect("found again");
    let answer = gateway
        .answer("colors", png(&plain(16, 16, RED)), &[])
        .await;
    assert_eq!(answer["images"][0]["results"][0]["label"], "red");
}
