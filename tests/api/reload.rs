//! A configuration that is changed while the real binary serves.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use reqwest::Client;
use serde_json::Value;

use crate::server::tiny_models;

/// Longest time until something must be said.
const SOON: Duration = Duration::from_secs(30);

/// `ocellus serve` with a file of its own, killed when dropped.
struct Served {
    folder: tempfile::TempDir,
    child: Child,
    log: Receiver<String>,
    url: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn lines(reader: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(reader).lines();
        for line in lines.map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

impl Served {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ocellus.toml");
        fs::write(&file, config).expect("writes");
        let mut child = Command::new(env!("CARGO_BIN_EXE_ocellus"))
            .arg("serve")
            .arg("--config")
            .arg(&file)
            .arg("--models")
            .arg(tiny_models())
            .arg("--cache-folder")
            .arg(folder.path().join("cache"))
            .args([
                "--http-address",
                "127.0.0.1:0",
                "--operations-address",
                "127.0.0.1:0",
            ])
            .args(["--log-format", "json", "--engine-instances", "1"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let said = lines(child.stdout.take().expect("piped"));
        let log = lines(child.stderr.take().expect("piped"));
        let url = loop {
            let line = said.recv_timeout(SOON).expect("it becomes ready");
            if let Some((_, address)) = line.split_once("page and API") {
                break address.trim().trim_end_matches('/').to_owned();
            }
        };
        Self {
            folder,
            child,
            log,
            url,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ocellus.toml")
    }

    fn write(&self, config: &str) {
        fs::write(self.file(), config).expect("writes");
    }

    fn hang_up(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-HUP", &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Every line up to one with this message, as messages and what they are of.
    fn until(&self, message: &str) -> Vec<(String, String)> {
        let mut seen = Vec::new();
        loop {
            let line = self.log.recv_timeout(SOON);
            let line = line.unwrap_or_else(|_| panic!("{message} was not said after {seen:?}"));
            let line: Value = serde_json::from_str(&line).expect("JSON");
            let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let about = ["setting", "fault", "file"].map(field).concat();
            let said = field("message");
            let is_last = said == message;
            seen.push((said, about));
            if is_last {
                return seen;
            }
        }
    }

    async fn status(&self, path: &str, bearer: Option<&str>) -> u16 {
        let request = Client::new().get(format!("{}{path}", self.url));
        let request = match bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        };
        request.send().await.expect("an answer").status().as_u16()
    }

    async fn post(&self, body: Vec<u8>) -> u16 {
        let url = format!("{}/v1/models/colors/infer", self.url);
        let request = Client::new().post(url).body(body);
        request.send().await.expect("an answer").status().as_u16()
    }
}

fn said(seen: &[(String, String)], message: &str) -> Vec<String> {
    let those = seen.iter().filter(|(said, _)| said == message);
    those.map(|(_, about)| about.clone()).collect()
}

const TAKEN_OVER: &str = "setting taken over";
const LATER: &str = "setting takes effect at the next start";
const FAULT: &str = "the configuration has a fault, what was read last holds";
const DONE: &str = "configuration read anew";

#[tokio::test]
async fn a_hang_up_takes_over_what_can_be_and_names_what_cannot() {
    let served = Served::new("");
    assert_eq!(served.status("/v1/models", None).await, 200);
    assert_eq!(served.post(vec![0; 4096]).await, 415);
    let keys = served.folder.path().join("keys.toml");
    fs::write(&keys, "").expect("writes");
    served.write(&format!(
        "[access]\nkeys = {:?}\n[limits]\nbody_bytes = 2048\nrequests = 7\n\
         [log]\nfilter = \"debug\"\n[s3]\nregion = \"secret-region\"",
        keys.display().to_string()
    ));
    served.hang_up();
    let seen = served.until(DONE);
    assert_eq!(
        said(&seen, TAKEN_OVER),
        ["access.keys", "limits.body_bytes", "log.filter"]
    );
    assert_eq!(said(&seen, LATER), ["s3.region", "limits.requests"]);
    assert!(seen.iter().all(|(_, about)| !about.contains("secret")));
    assert_eq!(served.status("/v1/models", None).await, 401);

    // What is taken back counts again, and what was never taken over is no change any more.
    served.write("[access]\nanonymous = [\"infer:*\"]\n[limits]\nbody_bytes = 2048");
    served.hang_up();
    let seen = served.until(DONE);
    assert_eq!(
        said(&seen, TAKEN_OVER),
        ["access.keys", "access.anonymous", "log.filter"]
    );
    assert_eq!(said(&seen, LATER), [""; 0]);
    assert_eq!(served.status("/v1/models", None).await, 200);
    assert_eq!(served.post(vec![0; 4096]).await, 413);
    served.write("[access]\nanonymous = [\"infer:*\"]");
    served.hang_up();
    served.until(DONE);
    assert_eq!(served.post(vec![0; 4096]).await, 415);
}

#[tokio::test]
async fn a_configuration_with_a_fault_changes_nothing() {
    let served = Served::new("[access]\nanonymous = [\"describe:*\"]");
    assert_eq!(served.post(vec![0; 16]).await, 403);
    let faulty = |config: &str, expected: &[&str]| {
        served.write(config);
        served.hang_up();
        let mut seen = served.until(FAULT);
        for _ in 1..expected.len() {
            seen.extend(served.until(FAULT));
        }
        let faults = said(&seen, FAULT);
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{fault}");
        }
    };
    faulty(
        "[access]\nanonymous = [\"infer:*\"]\n[limits]\nimages = 0\n[nowhere]\na = 1",
        &["nowhere.a", "limits.images"],
    );
    faulty("[access]\nanonymous = [\"infer:*\"", &["is not TOML"]);
    faulty(
        "[access]\nanonymous = [\"everything\"]",
        &["access.anonymous"],
    );
    faulty(
        "[access]\nanonymous = [\"infer:*\"]\nkeys = \"nowhere.toml\"",
        &["access.keys: nowhere.toml"],
    );
    faulty(
        "[access]\nanonymous = [\"infer:*\"]\n[log]\nfilter = \"a=b=c\"",
        &["log.filter"],
    );
    faulty(
        "[access]\nanonymous = [\"infer:*\"]\njwks = \"keys.json\"",
        &["access.jwt_issuer", "access.jwt_audience"],
    );
    fs::remove_file(served.file()).expect("removes");
    served.hang_up();
    served.until("the configuration file is gone, what was read last holds");
    assert_eq!(served.post(vec![0; 16]).await, 403);
}

#[tokio::test]
async fn a_file_that_changes_is_read_without_a_signal() {
    let served = Served::new("[access]\nanonymous = [\"describe:*\"]");
    assert_eq!(served.post(vec![0; 16]).await, 403);
    served.write("[access]\nanonymous = [\"describe:*\", \"infer:*\"]");
    let seen = served.until(DONE);
    assert_eq!(said(&seen, TAKEN_OVER), ["access.anonymous"]);
    assert_eq!(served.post(vec![0; 16]).await, 415);
}
