//! Who may do what: keys, scopes, limits, and callers without a key.

use std::{
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, Instant},
};

use ocellus::proto::generated::inference::{
    RepositoryIndexRequest, RepositoryModelUnloadRequest, ServerLiveRequest,
    grpc_inference_service_client::GrpcInferenceServiceClient,
};
use reqwest::Response;
use serde_json::Value;
use tonic::{Code, Request};

use crate::{
    pictures::{RED, plain, png},
    server::{TestServer, tiny_models},
};

/// Within this time a key that is revoked must be refused.
pub(crate) const REVOKED: Duration = Duration::from_secs(5);

/// Within this time the file of keys is read anew, once at least.
const REREAD: Duration = Duration::from_millis(1500);

/// A file of keys of its own.
pub(crate) struct Keys(tempfile::TempDir);

impl Keys {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("keys.toml")
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .arg("keys")
            .args(arguments)
            .arg("--access-keys")
            .arg(self.path())
            .current_dir(self.0.path())
            .output()
            .expect("starts")
    }

    /// Runs `ocellus keys`, and gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn create(&self, arguments: &[&str]) -> String {
        let create = [&["create", "--name", "test"], arguments].concat();
        self.run(&create).trim().to_owned()
    }

    pub(crate) async fn server(&self, more: &[(&'static str, &'static str)]) -> TestServer {
        let path = self.path().to_str().expect("text").to_owned();
        // Settings of tests live as long as the tests.
        let settings = [&[("access.keys", &*path.leak())], more].concat();
        TestServer::with(&tiny_models(), &settings).await
    }
}

async fn ask(server: &TestServer, model: &str, key: Option<&str>) -> Response {
    let request = server.post(model).header("content-type", "image/png");
    let request = match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    };
    let picture = png(&plain(8, 8, RED));
    request.body(picture).send().await.expect("an answer")
}

/// The status and code of a refusal.
async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.expect("JSON");
    (status, problem["code"].as_str().expect("a code").to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn with_keys_nobody_is_served_without_one() {
    let keys = Keys::new();
    let key = keys.create(&[]);
    let server = keys.server(&[]).await;
    let response = ask(&server, "colors", None).await;
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(refusal(response).await, refused(401, "unauthenticated"));
    let forged = format!("{}x", &key[..key.len() - 1]);
    for wrong in ["", "ocl_a_b", "nonsense", &forged] {
        let response = ask(&server, "colors", Some(wrong)).await;
        assert_eq!(
            refusal(response).await,
            refused(401, "unauthenticated"),
            "{wrong}"
        );
    }
    assert_eq!(ask(&server, "colors", Some(&key)).await.status(), 200);
    let listed = server.client.get(server.url("/v1/models"));
    let listed = listed
        .header("x-api-key", &key)
        .send()
        .await
        .expect("an answer");
    assert_eq!(listed.status(), 200);
    for open in ["/", "/docs/", "/openapi.json", "/v2/health/ready", "/v2"] {
        assert_eq!(server.get(open).await.status(), 200, "{open}");
    }
    for closed in [
        "/v1/models",
        "/v1/models/colors",
        "/v2/models/colors",
        "/v2/models/stats",
    ] {
        assert_eq!(server.get(closed).await.status(), 401, "{closed}");
    }
    assert_eq!(server.get("/nowhere").await.status(), 404);
}

#[tokio::test]
async fn a_key_is_for_its_models_and_actions_alone() {
    let keys = Keys::new();
    let one = keys.create(&["--scope", "infer:colors"]);
    let looker = keys.create(&["--scope", "describe:*"]);
    let admin = keys.create(&["--scope", "admin:colors"]);
    let server = keys.server(&[]).await;
    let denied = refused(403, "permission_denied");
    assert_eq!(ask(&server, "colors", Some(&one)).await.status(), 200);
    assert_eq!(
        refusal(ask(&server, "spots", Some(&one)).await).await,
        denied
    );
    // Whether there is such a model is not told either.
    assert_eq!(
        refusal(ask(&server, "secret", Some(&one)).await).await,
        denied
    );
    assert_eq!(
        refusal(ask(&server, "colors", Some(&looker)).await).await,
        denied
    );
    let names = async |key: &str| {
        let request = server.client.get(server.url("/v1/models")).bearer_auth(key);
        let list: Value = request
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let models = list["models"].as_array().expect("a list").clone();
        models
            .iter()
            .map(|model| model["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&one).await, ["colors"]);
    assert!(names(&looker).await.len() > 3);
    assert!(names(&admin).await.is_empty());
    let load = async |key: &str| {
        let path = server.url("/v2/repository/models/colors/load");
        let request = server.client.post(path).bearer_auth(key);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(load(&one).await, 403);
    assert_eq!(load(&looker).await, 403);
    assert_eq!(load(&admin).await, 200);
    let predict = server.client.post(server.url("/v1/models/spots:predict"));
    let predict = predict
        .bearer_auth(&one)
        .body("{}")
        .send()
        .await
        .expect("an answer");
    assert_eq!(predict.status(), 403, "in TensorFlow Serving's words too");
}

#[tokio::test]
async fn a_revoked_key_ends_within_five_seconds_and_a_new_one_begins() {
    let keys = Keys::new();
    let key = keys.create(&[]);
    let server = keys.server(&[]).await;
    assert_eq!(ask(&server, "colors", Some(&key)).await.status(), 200);
    let id = key.split('_').nth(1).expect("an id");
    keys.run(&["revoke", id]);
    let since = Instant::now();
    while ask(&server, "colors", Some(&key)).await.status() == 200 {
        assert!(since.elapsed() < REVOKED);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let next = keys.create(&[]);
    let since = Instant::now();
    while ask(&server, "colors", Some(&next)).await.status() != 200 {
        assert!(since.elapsed() < REVOKED);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What cannot be read changes nothing: no key is lost, and no door is opened.
    std::fs::write(keys.path(), "half a fi").expect("writes");
    let since = Instant::now();
    while since.elapsed() < REREAD {
        assert_eq!(ask(&server, "colors", Some(&next)).await.status(), 200);
        assert_eq!(ask(&server, "colors", None).await.status(), 401);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn limits_of_a_key_and_of_an_address_hold() {
    let keys = Keys::new();
    let slow = keys.create(&["--rate", "1", "--burst", "2"]);
    let rare = keys.create(&["--daily", "1"]);
    let server = keys.server(&[]).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(ask(&server, "colors", Some(&slow)).await.status().as_u16());
    }
    assert_eq!(codes, [200, 200, 429]);
    let response = ask(&server, "colors", Some(&slow)).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(refusal(response).await, refused(429, "rate_limited"));
    assert_eq!(ask(&server, "colors", Some(&rare)).await.status(), 200);
    let response = ask(&server, "colors", Some(&rare)).await;
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(refusal(response).await, refused(429, "quota_exceeded"));

    let settings = [("access.address_rate", "2")];
    let server = TestServer::with(&tiny_models(), &settings).await;
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(ask(&server, "colors", None).await.status().as_u16());
    }
    assert_eq!(codes, [200, 200, 429]);
}

#[tokio::test]
async fn without_keys_this_machine_alone_is_served() {
    let server = TestServer::start().await;
    assert_eq!(ask(&server, "colors", None).await.status(), 200);
    let proxied = server.post("colors").header("x-forwarded-for", "192.0.2.1");
    let proxied = proxied.bearer_auth("x").body("").send().await;
    let proxied = proxied.expect("an answer");
    assert!(!proxied.headers().contains_key("www-authenticate"));
    assert_eq!(refusal(proxied).await, refused(403, "permission_denied"));

    let settings = [("http.trusted_proxies", "127.0.0.0/8,10.0.0.0/8")];
    let server = TestServer::with(&tiny_models(), &settings).await;
    assert_eq!(ask(&server, "colors", None).await.status(), 200);
    // Who is behind a proxy is not here, whatever it says.
    for address in ["192.0.2.1", "127.0.0.1", "::1", "127.0.0.1, 10.1.2.3", ""] {
        let request = server.client.get(server.url("/v1/models"));
        let request = request.header("x-forwarded-for", address);
        let status = request.send().await.expect("an answer").status();
        assert_eq!(status, 403, "{address:?}");
    }

    let settings = [("access.anonymous", "infer:colors")];
    let server = TestServer::with(&tiny_models(), &settings).await;
    assert_eq!(ask(&server, "colors", None).await.status(), 200);
    assert_eq!(ask(&server, "spots", None).await.status(), 403);
}

#[tokio::test]
async fn keys_hold_over_grpc_too() {
    let keys = Keys::new();
    let key = keys.create(&["--scope", "infer:colors"]);
    let server = keys.server(&[("grpc.address", "127.0.0.1:0")]).await;
    let address = server.grpc().expect("served");
    let client = GrpcInferenceServiceClient::connect(format!("http://{address}")).await;
    let mut client = client.expect("connects");
    let live = client.server_live(ServerLiveRequest {}).await;
    assert!(live.expect("an answer").get_ref().live);
    let index = client
        .repository_index(RepositoryIndexRequest::default())
        .await;
    assert_eq!(index.expect_err("no key").code(), Code::Unauthenticated);
    let mut request = Request::new(RepositoryIndexRequest::default());
    let bearer = format!("Bearer {key}").parse().expect("ASCII");
    request.metadata_mut().insert("authorization", bearer);
    let index = client.repository_index(request).await.expect("an answer");
    let models = &index.get_ref().models;
    assert!(!models.is_empty() && models.iter().all(|model| model.name == "colors"));
    let mut request = Request::new(RepositoryModelUnloadRequest {
        model_name: "colors".to_owned(),
        ..RepositoryModelUnloadRequest::default()
    });
    request
        .metadata_mut()
        .insert("x-api-key", key.parse().expect("ASCII"));
    let unload = client.repository_model_unload(request).await;
    assert_eq!(unload.expect_err("no scope").code(), Code::PermissionDenied);
}

#[tokio::test]
async fn other_sites_pages_are_not_of_this_machine() {
    let server = TestServer::start().await;
    let ask = async |name: &str, value: &str| {
        let request = server.post("colors").header(name, value);
        let request = request.header("content-type", "image/png");
        let answer = request.body(Vec::new()).send().await.expect("an answer");
        answer.status().as_u16()
    };
    assert_eq!(ask("origin", "http://localhost:8080").await, 400);
    assert_eq!(ask("origin", "https://evil.example").await, 403);
    assert_eq!(ask("host", "evil.example:8080").await, 403);
    assert_eq!(ask("via", "1.1 proxy").await, 403);
}

#[test]
fn keys_are_listed_without_what_is_secret() {
    let keys = Keys::new();
    let key = keys.create(&["--scope", "infer:a*", "--expires", "90d", "--rate", "5"]);
    let listed = keys.run(&["list"]);
    let (id, secret) = key
        .strip_prefix("ocl_")
        .expect("a key")
        .split_once('_')
        .expect("two");
    for part in [id, "test", "infer:a*", "5/s"] {
        assert!(listed.contains(part), "{listed}");
    }
    let kept = std::fs::read_to_string(keys.path()).expect("reads");
    assert!(!listed.contains(secret) && !kept.contains(secret));
}

#[test]
fn a_key_in_place_of_its_id_is_not_shown() {
    let keys = Keys::new();
    let key = keys.create(&[]);
    let output = keys.output(&["revoke", &key]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("first two underscores"), "{said}");
    assert!(!said.contains(&key[key.len() - 20..]), "{said}");
    assert!(keys.run(&["list"]).contains("test"), "it is still there");
}
