//! A server of one's own for each test, on ports that the system picks.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ocellus::{
    app::{App, AppError, Role},
    config::Layers,
};
use reqwest::{
    Client, RequestBuilder, Response,
    multipart::{Form, Part},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

/// A running server, stopped when dropped.
pub(crate) struct TestServer {
    pub(crate) client: Client,
    http: SocketAddr,
    operations: SocketAddr,
    grpc: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    ready: Option<oneshot::Receiver<()>>,
    running: JoinHandle<Result<(), AppError>>,
}

/// A setting and its value.
pub(crate) type Setting = (&'static str, &'static str);

/// The folder of tiny models.
pub(crate) fn tiny_models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

/// A folder with the first version of `colors`, something in its contract replaced.
pub(crate) fn colors_with(from: &str, to: &str) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("colors/1");
    fs::create_dir_all(&folder).expect("a folder");
    for file in ["model.onnx", "labels.txt", "model.toml"] {
        let original = tiny_models().join("colors/1").join(file);
        fs::copy(original, folder.join(file)).expect("copies");
    }
    let contract = folder.join("model.toml");
    let text = fs::read_to_string(&contract).expect("readable");
    assert!(text.contains(from), "the contract has {from:?}");
    fs::write(contract, text.replace(from, to)).expect("writes");
    root
}

impl TestServer {
    /// Serves the tiny models.
    pub(crate) async fn start() -> Self {
        Self::with(&tiny_models(), &[]).await
    }

    /// Serves a folder of models with some settings of its own, and waits until it is ready.
    pub(crate) async fn with(models: &Path, settings: &[Setting]) -> Self {
        let mut server = Self::begin(models, settings).await;
        server.until_ready().await;
        server
    }

    /// Starts to serve a folder of models, which need not hold any yet.
    pub(crate) async fn begin(models: &Path, settings: &[Setting]) -> Self {
        Self::of(app(models, settings).await.expect("the server starts"))
    }

    /// A gateway to the core at this address.
    pub(crate) async fn gateway(core: &'static str, settings: &[Setting]) -> Self {
        let settings = [&[("core", core)], settings].concat();
        let app = app_of(Role::Gateway, &tiny_models(), &settings).await;
        Self::of(app.expect("the gateway starts"))
    }

    fn of(app: App) -> Self {
        let http = app.http_address().expect("bound");
        let operations = app.operations_address().expect("bound");
        let grpc = app.grpc_address();
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let running = tokio::spawn(app.run(ready, async {
            stopped.await.ok();
        }));
        Self {
            client: Client::new(),
            http,
            operations,
            grpc,
            stop: Some(stop),
            ready: Some(is_ready),
            running,
        }
    }

    /// Waits until it is ready.
    pub(crate) async fn until_ready(&mut self) {
        let ready = self.ready.take().expect("not waited for yet");
        ready.await.expect("the server is ready");
    }

    /// Waits until the operations port answers a path with a status.
    pub(crate) async fn until(&self, path: &str, status: u16) {
        while self.get_operations(path).await.status() != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the API says of a model.
    pub(crate) async fn model(&self, name: &str) -> Value {
        let response = self.get(&format!("/v1/models/{name}")).await;
        response.json().await.expect("JSON")
    }

    /// The address of gRPC, where it is served.
    pub(crate) fn grpc(&self) -> Option<SocketAddr> {
        self.grpc
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client
            .get(self.url(path))
            .send()
            .await
            .expect("an answer")
    }

    pub(crate) async fn get_operations(&self, path: &str) -> Response {
        let url = format!("http://{}{path}", self.operations);
        self.client.get(url).send().await.expect("an answer")
    }

    /// `POST /v1/models/{model}/infer`, where `model` may go on with `/versions/1`.
    pub(crate) fn post(&self, model: &str) -> RequestBuilder {
        self.client
            .post(self.url(&format!("/v1/models/{model}/infer")))
    }

    /// Posts one picture as a form with some options.
    pub(crate) async fn infer(
        &self,
        model: &str,
        picture: Vec<u8>,
        options: &[Setting],
    ) -> Response {
        let mut form = Form::new().part("image", Part::bytes(picture).file_name("picture"));
        for (name, value) in options {
            form = form.text(*name, *value);
        }
        self.post(model)
            .multipart(form)
            .send()
            .await
            .expect("an answer")
    }

    /// The JSON of one picture's successful answer.
    pub(crate) async fn answer(&self, model: &str, picture: Vec<u8>, options: &[Setting]) -> Value {
        let response = self.infer(model, picture, options).await;
        let status = response.status();
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(status, 200, "{answer:#}");
        answer
    }

    /// Stops the server as SIGTERM would, and gives how that ended.
    pub(crate) async fn stop(mut self) -> Result<(), AppError> {
        self.stop.take().expect("not stopped yet").send(()).ok();
        self.running.await.expect("no panic")
    }
}

/// A server with its ports open, not running yet.
pub(crate) async fn app(models: &Path, settings: &[Setting]) -> Result<App, AppError> {
    let has_grpc = settings.iter().any(|(key, _)| *key == "grpc.address");
    let role = if has_grpc {
        Role::ServeGrpc
    } else {
        Role::Serve
    };
    app_of(role, models, settings).await
}

/// The same in some role.
pub(crate) async fn app_of(
    role: Role,
    models: &Path,
    settings: &[Setting],
) -> Result<App, AppError> {
    // Kept for as long as the process lives: servers outlive the tests that begin them.
    let cache = tempfile::tempdir().expect("a folder").keep();
    let mut layers = Layers::default();
    layers.flag("models", models.display().to_string());
    layers.flag("http.address", "127.0.0.1:0".to_owned());
    layers.flag("operations.address", "127.0.0.1:0".to_owned());
    layers.flag("engine.instances", "1".to_owned());
    layers.flag("source.poll_ms", "50".to_owned());
    layers.flag("cache.folder", cache.display().to_string());
    for (key, value) in settings {
        layers.flag(key, (*value).to_owned());
    }
    App::start(layers.parse().expect("sound settings"), role).await
}
