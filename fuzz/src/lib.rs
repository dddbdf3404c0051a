//! A server in this process for targets that go through HTTP: the tiny models of `tests/models`,
//! with the real engine.

use std::{net::SocketAddr, path::Path, sync::LazyLock};

use ocellus::{
    app::{App, Role},
    config::Layers,
};
use reqwest::{Client, header::HeaderMap};
use tokio::{runtime::Runtime, sync::oneshot};

/// One for the process: starting it takes longer than many thousand inputs.
static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

struct Server {
    runtime: Runtime,
    client: Client,
    address: SocketAddr,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let cache = tempfile::tempdir().expect("a folder").keep();
        let mut layers = Layers::default();
        layers.environment();
        layers.flag("models", root.join("tests/models").display().to_string());
        layers.flag("http.address", "127.0.0.1:0".to_owned());
        layers.flag("operations.address", "127.0.0.1:0".to_owned());
        layers.flag("cache.folder", cache.display().to_string());
        let config = layers.parse().expect("sound settings");
        let address = runtime.block_on(async {
            let app = App::start(config, Role::Serve).await.expect("starts");
            let address = app.http_address().expect("bound");
            let (ready, is_ready) = oneshot::channel();
            tokio::spawn(app.run(ready, std::future::pending()));
            is_ready.await.expect("ready");
            address
        });
        Self {
            runtime,
            client: Client::new(),
            address,
        }
    }
}

/// Posts a body, and sees to it that it is not answered with a defect of the server.
///
/// # Panics
/// When it is, or when there is no answer at all.
pub fn post(path: &str, headers: &[(&'static str, String)], body: &[u8]) {
    let server = &*SERVER;
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            map.insert(*name, value);
        }
    }
    let url = format!("http://{}{path}", server.address);
    let request = server.client.post(url).headers(map).body(body.to_vec());
    let (status, text) = server.runtime.block_on(async {
        let response = request.send().await.expect("an answer");
        let status = response.status();
        (status, response.text().await.unwrap_or_default())
    });
    assert!(
        !status.is_server_error() || text.contains("inference_failed"),
        "{status}: {text}"
    );
}
