//! `ocellus serve` as a process of its own on a bucket, and clients that never stop asking.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::weed::Weed;

/// A running server, killed when dropped.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    process: Child,
    http: String,
    operations: String,
}

impl Gateway {
    /// Starts a server and waits until it is ready.
    pub(crate) async fn start(weed: &Weed, cache: &Path) -> Self {
        let gateway = Self::begin(weed, cache);
        gateway.until_ready(Duration::from_secs(30)).await;
        gateway
    }

    /// Starts a server.
    pub(crate) fn begin(weed: &Weed, cache: &Path) -> Self {
        Self::run(weed.ocellus(&["serve"]), cache)
    }

    /// Starts a server by a command of one's own.
    pub(crate) fn run(mut command: Command, cache: &Path) -> Self {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let (http, operations) = (free(), free());
        let address = |held: &std::net::TcpListener| held.local_addr().expect("bound").to_string();
        let (http, operations) = (address(&http), address(&operations));
        command
            .env("OCELLUS_HTTP_ADDRESS", &http)
            .env("OCELLUS_OPERATIONS_ADDRESS", &operations)
            .env("OCELLUS_CACHE_FOLDER", cache)
            .env("OCELLUS_SOURCE_LIST_MS", "1000")
            .env("OCELLUS_LOG_FILTER", "warn,ocellus=info,ort=error")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("starts");
        // What the server logs is read on, else it would stop for want of a reader.
        let log = BufReader::new(process.stderr.take().expect("piped"));
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(drop));
        Self {
            client: Client::new(),
            process,
            http: format!("http://{http}"),
            operations: format!("http://{operations}"),
        }
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let url = format!("{}/readyz", self.operations);
        let answer = self.client.get(url).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    pub(crate) async fn until_ready(&self, within: Duration) {
        let begun = Instant::now();
        while !self.is_ready().await {
            assert!(begun.elapsed() < within, "not ready within {within:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the API says of a model.
    pub(crate) async fn model(&self, name: &str) -> Value {
        let url = format!("{}/v1/models/{name}", self.http);
        let answer = self.client.get(url).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    pub(crate) async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.operations);
        let answer = self.client.get(url).send().await.expect("an answer");
        answer.text().await.expect("text")
    }

    /// A metric's value, of all its labels together.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics().await;
        let lines = text.lines().filter(|line| line.starts_with(name));
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum()
    }

    /// Waits until a metric has grown by so much.
    pub(crate) async fn until_more(&self, name: &str, by: u32) {
        let (begun, before) = (Instant::now(), self.metric(name).await);
        while self.metric(name).await < before + f64::from(by) {
            let patience = Duration::from_secs(60);
            assert!(begun.elapsed() < patience, "{name} + {by} in {patience:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the root was looked at so many times more, with or without success.
    pub(crate) async fn until_polled(&self, times: u32) {
        self.until_more("ocellus_source_polls_total{", times).await;
    }

    /// A version's state and message, once they are as `wanted` says.
    pub(crate) async fn until(
        &self,
        model: &str,
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let begun = Instant::now();
        loop {
            let detail = self.model(model).await;
            if wanted(&detail) {
                return detail;
            }
            assert!(
                begun.elapsed() < within,
                "not within {within:?}: {detail:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a version answers where none is asked for.
    pub(crate) async fn until_default(&self, model: &str, version: u32, within: Duration) {
        let wanted = |detail: &Value| detail["default_version"] == version;
        self.until(model, within, wanted).await;
    }

    /// Open files and memory of the server's process, in bytes.
    pub(crate) fn resources(&self) -> (usize, u64) {
        let own = format!("/proc/{}", self.process.id());
        let files = std::fs::read_dir(format!("{own}/fd"))
            .expect("Linux")
            .count();
        let status = std::fs::read_to_string(format!("{own}/status")).expect("Linux");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident =
            resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        (files, resident.expect("kilobytes") * 1024)
    }

    /// Clients that ask a model for the same picture until they are stopped.
    pub(crate) fn load(&self, model: &str, picture: &[u8], clients: usize) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let url = format!("{}/v1/models/{model}/infer", self.http);
        let ask = |_| {
            let (client, url, picture) = (self.client.clone(), url.clone(), picture.to_vec());
            let stop = Arc::clone(&stop);
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    answers.push(ask(&client, &url, &picture).await);
                }
                answers
            })
        };
        let clients = (0..clients).map(ask).collect();
        Load { stop, clients }
    }

    /// Stops it as an operator would, and waits for its end.
    pub(crate) async fn terminate(mut self) {
        let id = self.process.id().to_string();
        std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .expect("kill runs");
        while self.process.try_wait().expect("is a child").is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// An answer: the version and digest that it names, and its first label; or what went wrong.
pub(crate) type Answer = Result<(u64, String, String), String>;

async fn ask(client: &Client, url: &str, picture: &[u8]) -> Answer {
    let request = client
        .post(url)
        .header(CONTENT_TYPE, "image/png")
        .body(picture.to_vec());
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let answer: Value = answer.json().await.map_err(|error| error.to_string())?;
    if !status.is_success() {
        return Err(answer.to_string());
    }
    let text = |pointer: &str| {
        let value = answer.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let version = answer["model"]["version"].as_u64().unwrap_or(0);
    let label = text("/images/0/results/0/label");
    Ok((version, text("/model/digest"), label))
}

/// Clients that ask until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Answer>>>,
}

impl Load {
    /// Stops them and gives every answer. None may have failed.
    pub(crate) async fn stop(self) -> Vec<(u64, String, String)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for client in self.clients {
            for answer in client.await.expect("no panic") {
                answers.push(answer.expect("no request fails"));
            }
        }
        answers
    }
}
