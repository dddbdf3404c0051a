//! What the tests do with a SeaweedFS: commands that reach it, and objects past the store.

use std::{path::Path, process::Command};

use crate::weed::{ACCESS_KEY, BUCKET, SECRET_KEY, Weed};

impl Weed {
    /// Sends it a signal: `STOP` and `CONT` freeze and thaw.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("runs").id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &id])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// An `ocellus` command that reaches it.
    pub(crate) fn ocellus(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocellus"));
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("OCELLUS_S3_ENDPOINT", self.endpoint())
            .env("OCELLUS_MODELS", format!("s3://{BUCKET}/prod"))
            .env("OCELLUS_CACHE_FOLDER", self.folder.path().join("publisher"))
            .env("OCELLUS_ENGINE_INSTANCES", "1");
        command
    }

    /// Runs a command to its end, and gives what it printed.
    pub(crate) async fn run(&self, arguments: &[&str]) -> String {
        let mut command = self.ocellus(arguments);
        let run = move || command.output().expect("starts");
        let output = tokio::task::spawn_blocking(run).await.expect("ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        out
    }

    /// Publishes a folder as a version.
    pub(crate) async fn publish(&self, folder: &Path, model: &str, version: u32) {
        let (folder, version) = (folder.display().to_string(), version.to_string());
        self.run(&["publish", &folder, "--model", model, "--version", &version])
            .await;
    }

    /// Writes an object past the publisher.
    pub(crate) async fn put(&self, key: &str, bytes: Vec<u8>) {
        let path = format!("buckets/{BUCKET}/prod/{key}");
        let status = self.filer(reqwest::Method::PUT, &path, bytes).await;
        assert!(status.is_success(), "{key}: {status}");
    }

    /// Reads an object past the store.
    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let url = format!(
            "http://127.0.0.1:{}/buckets/{BUCKET}/prod/{key}",
            self.filer
        );
        let answer = reqwest::get(url).await.expect("an answer");
        assert!(answer.status().is_success(), "{key}: {}", answer.status());
        answer.bytes().await.expect("bytes").to_vec()
    }

    /// Deletes a folder and all in it past the store; the whole root where it is empty.
    pub(crate) async fn delete(&self, folder: &str) {
        let path = format!("buckets/{BUCKET}/prod/{folder}?recursive=true");
        let status = self.filer(reqwest::Method::DELETE, &path, Vec::new()).await;
        assert!(status.is_success(), "{folder}: {status}");
    }
}
