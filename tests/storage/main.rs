//! Stores from outside: one suite for the folder and for a bucket of a real SeaweedFS, and what a
//! bucket's client makes of servers that misbehave.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod faults;
mod suite;
#[path = "../bucket/weed.rs"]
mod weed;

use std::process::Command;

use ocellus::storage::{FolderStore, S3Settings, S3Store};

use weed::{ACCESS_KEY, SECRET_KEY, Weed};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    suite::run(&FolderStore::open(folder.path().join("root"))).await;
}

#[test]
fn a_bucket_is_a_store() {
    with_keys("a_bucket_is_a_store", async {
        let weed = Weed::start().await;
        suite::run(&bucket(weed.endpoint()).await).await;
    });
}

/// A store on whatever answers there.
async fn bucket(endpoint: String) -> S3Store {
    let settings = S3Settings {
        endpoint: Some(endpoint),
        region: None,
        path_style: true,
    };
    S3Store::open("models", "suite", &settings).await
}

/// Runs a test in a process that has the keys in its environment, where the standard chain finds
/// them. This process's own environment cannot be changed safely, so it is started once more.
#[expect(
    clippy::disallowed_methods,
    reason = "the keys are looked for where the chain does"
)]
fn with_keys(test: &str, work: impl Future<Output = ()>) {
    if std::env::var("AWS_ACCESS_KEY_ID").is_ok_and(|key| key == ACCESS_KEY) {
        let runtime = tokio::runtime::Runtime::new().expect("starts");
        return runtime.block_on(work);
    }
    let again = Command::new(std::env::current_exe().expect("a test"))
        .args(["--exact", test, "--nocapture"])
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .status();
    assert!(again.expect("starts").success());
}
