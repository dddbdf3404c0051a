//! A SeaweedFS of one's own: a real S3 server, on ports that the system picks, in a folder that
//! goes with it.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

pub(crate) const ACCESS_KEY: &str = "ocellus-test";
pub(crate) const SECRET_KEY: &str = "ocellus-test-secret";
pub(crate) const BUCKET: &str = "models";

/// A running SeaweedFS, killed when dropped.
pub(crate) struct Weed {
    pub(crate) folder: tempfile::TempDir,
    s3: u16,
    pub(crate) filer: u16,
    ports: Vec<String>,
    pub(crate) process: Option<Child>,
}

impl Weed {
    /// Starts one and makes a bucket.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let named = [
            "master.port",
            "master.port.grpc",
            "volume.port",
            "volume.port.grpc",
            "filer.port",
            "filer.port.grpc",
            "s3.port",
            "s3.port.grpc",
            "s3.port.iceberg",
            "s3.port.lance",
            "admin.port",
            "admin.port.grpc",
        ];
        let held: Vec<TcpListener> = named.iter().map(|_| free_port()).collect();
        let port = |index: usize| held[index].local_addr().expect("bound").port();
        let ports = named.iter().enumerate();
        let ports = ports
            .map(|(index, name)| format!("-{name}={}", port(index)))
            .collect();
        let mut weed = Self {
            s3: port(6),
            filer: port(4),
            ports,
            folder,
            process: None,
        };
        drop(held);
        weed.set_keys(ACCESS_KEY);
        weed.restart().await;
        let bucket = format!("buckets/{BUCKET}/");
        let made = weed.filer(reqwest::Method::POST, &bucket, Vec::new()).await;
        assert!(made.is_success(), "the bucket is made");
        weed
    }

    /// Which key may do anything; takes effect at the next start.
    pub(crate) fn set_keys(&self, access_key: &str) {
        let identities = json!({ "identities": [{
            "name": "test",
            "credentials": [{ "accessKey": access_key, "secretKey": SECRET_KEY }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }] });
        let file = self.folder.path().join("s3.json");
        fs::write(file, identities.to_string()).expect("writes");
    }

    /// Starts it (again) on the same data and ports.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        let path = self.folder.path();
        fs::create_dir_all(path.join("data")).expect("a folder");
        let log = fs::File::create(path.join("log")).expect("a file");
        let child = Command::new(binary())
            .arg("mini")
            .arg(format!("-dir={}", path.join("data").display()))
            .arg(format!("-s3.config={}", path.join("s3.json").display()))
            .args([
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-webdav=false",
                "-admin.ui=false",
            ])
            .args(&self.ports)
            .current_dir(path)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a handle"))
            .stdout(log)
            .spawn();
        self.process = Some(child.expect("SeaweedFS starts; `make test-rust` installs it"));
        let begun = Instant::now();
        let ready = [
            format!("{}/", self.endpoint()),
            format!("http://127.0.0.1:{}/", self.filer),
        ];
        for url in ready {
            while reqwest::get(&url).await.is_err() {
                let log = fs::read_to_string(path.join("log")).unwrap_or_default();
                assert!(
                    begun.elapsed() < Duration::from_secs(60),
                    "no SeaweedFS:\n{log}"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        // It answers before it can write.
        while !self
            .filer(reqwest::Method::PUT, "probe", b"x".to_vec())
            .await
            .is_success()
        {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "SeaweedFS cannot write"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Kills it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().ok();
            process.wait().ok();
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.s3)
    }

    pub(crate) async fn filer(
        &self,
        method: reqwest::Method,
        path: &str,
        bytes: Vec<u8>,
    ) -> reqwest::StatusCode {
        let url = format!("http://127.0.0.1:{}/{path}", self.filer);
        let request = reqwest::Client::new().request(method, url).body(bytes);
        request.send().await.expect("an answer").status()
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port below those that the system gives to connections: while the server is stopped, none of
/// its clients may come to sit on its port.
fn free_port() -> TcpListener {
    let mut any = std::iter::repeat_with(|| fastrand::u16(10_000..32_000));
    let bound = any.find_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    bound.expect("one of them is free")
}

fn binary() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(".ocellus/venv-test/bin/weed")
}
