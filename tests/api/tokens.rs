//! Tokens of an identity provider, over HTTP and gRPC.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use ocellus::{
    app::AppError,
    proto::generated::inference::{
        RepositoryIndexRequest, RepositoryModelUnloadRequest,
        grpc_inference_service_client::GrpcInferenceServiceClient,
    },
};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tonic::{Code, Request};

use crate::{
    pictures::{RED, plain, png},
    server::{Setting, TestServer, app, tiny_models},
};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "ocellus";

/// Within this time keys that changed must count, of a file.
const REREAD: Duration = Duration::from_secs(5);

/// Likewise of an address that is asked every ten seconds at most.
const REFETCHED: Duration = Duration::from_secs(20);

/// A provider's private key, RSA of 2048 bits.
struct Signer {
    id: &'static str,
    key: EncodingKey,
}

impl Signer {
    fn new(id: &'static str) -> Self {
        let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).expect("made");
        // Without what PKCS#8 writes before it.
        let key = EncodingKey::from_rsa_der(&made.serialize_der()[26..]);
        Self { id, key }
    }

    fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, Algorithm::RS256).expect("a public half");
        let mut jwk = serde_json::to_value(jwk).expect("serialises");
        jwk["kid"] = json!(self.id);
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let mut head = Header::new(Algorithm::RS256);
        head.kid = Some(self.id.to_owned());
        encode(&head, claims, &self.key).expect("signed")
    }

    /// A good token with these scopes.
    fn token(&self, scope: &str) -> String {
        self.sign(&claims(scope))
    }
}

fn claims(scope: &str) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "scope": scope,
        "exp": Timestamp::now().as_second() + 600,
    })
}

fn document(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.public()).collect();
    json!({ "keys": keys }).to_string()
}

/// A provider whose keys are in a file.
struct Provider(tempfile::TempDir);

impl Provider {
    fn new(signers: &[&Signer]) -> Self {
        let provider = Self(tempfile::tempdir().expect("a folder"));
        provider.publish(signers);
        provider
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("jwks.json")
    }

    fn publish(&self, signers: &[&Signer]) {
        let next = self.0.path().join("next");
        fs::write(&next, document(signers)).expect("writes");
        fs::rename(next, self.path()).expect("renames");
    }

    async fn server(&self, more: &[Setting]) -> TestServer {
        server(self.path().to_str().expect("text"), more).await
    }
}

fn settings(jwks: &str, more: &[Setting]) -> Vec<Setting> {
    // Settings of tests live as long as the tests.
    let jwks = ("access.jwks", &*jwks.to_owned().leak());
    let rest = [
        ("access.jwt_issuer", ISSUER),
        ("access.jwt_audience", AUDIENCE),
    ];
    [&[jwks], &rest[..], more].concat()
}

async fn server(jwks: &str, more: &[Setting]) -> TestServer {
    TestServer::with(&tiny_models(), &settings(jwks, more)).await
}

async fn ask(server: &TestServer, model: &str, token: &str) -> Response {
    let request = server.post(model).header("content-type", "image/png");
    let picture = png(&plain(8, 8, RED));
    let request = request.bearer_auth(token).body(picture);
    request.send().await.expect("an answer")
}

/// The status, the code and the challenge of a refusal.
async fn refusal(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().expect("text"));
    let challenge = challenge.to_owned();
    let problem: Value = response.json().await.expect("JSON");
    let code = problem["code"].as_str().expect("a code").to_owned();
    (status, code, challenge)
}

fn refused(status: u16, code: &str, challenge: &str) -> (u16, String, String) {
    (status, code.to_owned(), challenge.to_owned())
}

#[tokio::test]
async fn a_token_is_let_in_only_if_everything_about_it_is_right() {
    let (signer, forger) = (Signer::new("one"), Signer::new("one"));
    let provider = Provider::new(&[&signer]);
    let server = provider.server(&[]).await;
    let good = signer.token("openid infer:*");
    assert_eq!(ask(&server, "colors", &good).await.status(), 200);

    let with = |name: &str, value: Value| {
        let mut claims = claims("infer:*");
        claims[name] = value;
        signer.sign(&claims)
    };
    let now = Timestamp::now().as_second();
    let parts: Vec<&str> = good.split('.').collect();
    let none = BASE64.encode(r#"{"alg":"none","kid":"one"}"#);
    let modulus = signer.public()["n"].as_str().expect("text").to_owned();
    let confused = |secret: &[u8]| {
        let mut head = Header::new(Algorithm::HS256);
        head.kid = Some("one".to_owned());
        encode(&head, &claims("infer:*"), &EncodingKey::from_secret(secret)).expect("signed")
    };
    for (why, token) in [
        ("expired", with("exp", json!(now - 120))),
        ("not yet", with("nbf", json!(now + 120))),
        ("wrong issuer", with("iss", json!("https://evil.example"))),
        ("wrong audience", with("aud", json!("other"))),
        ("wrong signature", forger.token("infer:*")),
        ("alg none", format!("{none}.{}.", parts[1])),
        (
            "alg none, signed",
            format!("{none}.{}.{}", parts[1], parts[2]),
        ),
        (
            "HS256 by the modulus",
            confused(&BASE64.decode(&modulus).expect("base64")),
        ),
        ("HS256 by its text", confused(modulus.as_bytes())),
        (
            "HS256 by the set",
            confused(document(&[&signer]).as_bytes()),
        ),
        ("unknown kid", Signer::new("two").token("infer:*")),
        ("too long", format!("{good}{}", "a".repeat(10_000))),
        ("an API key", "ocl_0123456789ab_secret".to_owned()),
        ("nonsense", "nonsense".to_owned()),
    ] {
        let response = ask(&server, "colors", &token).await;
        let expected = refused(401, "unauthenticated", r#"Bearer error="invalid_token""#);
        assert_eq!(refusal(response).await, expected, "{why}");
    }
    let nothing = server.post("colors").send().await.expect("an answer");
    let expected = refused(401, "unauthenticated", "Bearer");
    assert_eq!(refusal(nothing).await, expected);
    assert_eq!(server.get("/v1/models").await.status(), 401);
    assert_eq!(server.get("/docs/").await.status(), 200);
}

#[tokio::test]
async fn a_token_is_for_its_scopes_alone() {
    let signer = Signer::new("one");
    let server = Provider::new(&[&signer]).server(&[]).await;
    let one = signer.token("infer:colors");
    assert_eq!(ask(&server, "colors", &one).await.status(), 200);
    let denied = |model: &str| {
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="infer:{model}""#);
        refused(403, "permission_denied", &challenge)
    };
    for model in ["spots", "secret"] {
        assert_eq!(
            refusal(ask(&server, model, &one).await).await,
            denied(model)
        );
    }
    let listed = async |token: &str| {
        let request = server.client.get(server.url("/v1/models"));
        request.bearer_auth(token).send().await.expect("an answer")
    };
    let list: Value = listed(&one).await.json().await.expect("JSON");
    let models = list["models"].as_array().expect("a list");
    assert!(models.iter().all(|model| model["name"] == "colors") && !models.is_empty());
    let stranger = signer.token("openid email");
    assert_eq!(
        refusal(ask(&server, "colors", &stranger).await).await,
        denied("colors")
    );
    assert_eq!(listed(&stranger).await.status(), 403);
}

#[tokio::test]
async fn keys_of_a_file_are_rotated_and_withdrawn() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let provider = Provider::new(&[&old]);
    let server = provider.server(&[]).await;
    let (before, after) = (old.token("infer:*"), new.token("infer:*"));
    assert_eq!(ask(&server, "colors", &before).await.status(), 200);
    assert_eq!(ask(&server, "colors", &after).await.status(), 401);
    let until = async |token: &str, status: u16| {
        let since = Instant::now();
        while ask(&server, "colors", token).await.status() != status {
            assert!(since.elapsed() < REREAD);
        }
    };
    provider.publish(&[&old, &new]);
    until(&after, 200).await;
    assert_eq!(ask(&server, "colors", &before).await.status(), 200);
    provider.publish(&[&new]);
    until(&before, 401).await;
    assert_eq!(ask(&server, "colors", &after).await.status(), 200);
}

/// Answers every request with what is in `answer`, for as long as the test lives.
async fn published(answer: Arc<Mutex<String>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let received = stream.read(&mut request).await.expect("a request");
            assert_ne!(received, 0, "a request");
            let body = answer.lock().expect("sound").clone();
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length:";
            let answer = format!("{head} {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.ok();
        }
    });
    address
}

#[tokio::test]
async fn an_address_is_asked_for_a_key_that_it_has_only_just_begun_to_use() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let answer = Arc::new(Mutex::new("not yet".to_owned()));
    let address = published(Arc::clone(&answer)).await;
    let url = format!("http://{address}/jwks");
    // It starts all the same, and refuses tokens until there are keys.
    let server = server(&url, &[("grpc.address", "127.0.0.1:0")]).await;
    let (before, after) = (old.token("infer:*"), new.token("infer:*"));
    assert_eq!(ask(&server, "colors", &before).await.status(), 401);
    let rotated = document(&[&old]);
    *answer.lock().expect("sound") = rotated;
    let since = Instant::now();
    while ask(&server, "colors", &before).await.status() != 200 {
        assert!(since.elapsed() < REFETCHED);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    *answer.lock().expect("sound") = document(&[&new]);
    let since = Instant::now();
    loop {
        let asked = Instant::now();
        let seen = index(&server, &after).await;
        assert!(
            asked.elapsed() < Duration::from_secs(3),
            "no request waits for long"
        );
        match seen {
            Ok(models) => break assert!(models.contains(&"colors".to_owned())),
            Err(code) => assert_eq!(code, Code::Unauthenticated),
        }
        assert!(since.elapsed() < REFETCHED);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(ask(&server, "colors", &after).await.status(), 200);
    assert_eq!(ask(&server, "colors", &before).await.status(), 401);
}

/// The models that a token sees over gRPC.
async fn index(server: &TestServer, token: &str) -> Result<Vec<String>, Code> {
    let address = server.grpc().expect("served");
    let client = GrpcInferenceServiceClient::connect(format!("http://{address}")).await;
    let mut request = Request::new(RepositoryIndexRequest::default());
    let bearer = format!("Bearer {token}").parse().expect("ASCII");
    request.metadata_mut().insert("authorization", bearer);
    let index = client.expect("connects").repository_index(request).await;
    let index = index.map_err(|status| status.code())?;
    let models = index.into_inner().models.into_iter();
    Ok(models.map(|model| model.name).collect())
}

#[tokio::test]
async fn tokens_hold_over_grpc_too() {
    let (signer, forger) = (Signer::new("one"), Signer::new("one"));
    let provider = Provider::new(&[&signer]);
    let server = provider.server(&[("grpc.address", "127.0.0.1:0")]).await;
    let seen = index(&server, &signer.token("infer:colors")).await;
    let seen = seen.expect("an answer");
    assert!(!seen.is_empty() && seen.iter().all(|name| name == "colors"));
    let forged = index(&server, &forger.token("infer:*")).await;
    assert_eq!(forged, Err(Code::Unauthenticated));
    let stranger = index(&server, &signer.token("openid")).await;
    assert_eq!(stranger, Err(Code::PermissionDenied));
    let address = server.grpc().expect("served");
    let client = GrpcInferenceServiceClient::connect(format!("http://{address}")).await;
    let mut request = Request::new(RepositoryModelUnloadRequest {
        model_name: "colors".to_owned(),
        ..RepositoryModelUnloadRequest::default()
    });
    let bearer = format!("Bearer {}", signer.token("infer:*")).parse();
    let bearer = bearer.expect("ASCII");
    request.metadata_mut().insert("authorization", bearer);
    let unload = client
        .expect("connects")
        .repository_model_unload(request)
        .await;
    assert_eq!(unload.expect_err("no scope").code(), Code::PermissionDenied);
}

#[tokio::test]
async fn each_subject_has_its_own_limits() {
    let signer = Signer::new("one");
    let provider = Provider::new(&[&signer]);
    let server = provider.server(&[("access.jwt_rate", "2")]).await;
    let of = |subject: &str, nonce: u64| {
        let mut claims = claims("infer:*");
        claims["sub"] = json!(subject);
        claims["jti"] = json!(nonce);
        signer.sign(&claims)
    };
    let mut statuses = Vec::new();
    for nonce in 0..3 {
        statuses.push(
            ask(&server, "colors", &of("ann", nonce))
                .await
                .status()
                .as_u16(),
        );
    }
    assert_eq!(
        statuses,
        [200, 200, 429],
        "another token is no other subject"
    );
    assert_eq!(ask(&server, "colors", &of("bob", 0)).await.status(), 200);
}

#[tokio::test]
async fn a_file_without_keys_is_no_provider() {
    let provider = Provider::new(&[]);
    let path = provider.path();
    let settings = settings(path.to_str().expect("text"), &[]);
    let fault = app(&tiny_models(), &settings).await.expect_err("no keys");
    assert!(matches!(fault, AppError::Access(_)), "{fault}");
    let fault = fault.to_string();
    assert!(
        fault.starts_with("access.jwks: ") && fault.contains("holds no key"),
        "{fault}"
    );
}
