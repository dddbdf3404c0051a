//! Memory and disks that hold less than one would like.

use std::{path::Path, process::Command, time::Duration};

use serde_json::Value;

use crate::{
    gateway::Gateway,
    picture::{changed, red, tiny},
    weed::Weed,
};

/// Time within which a version serves.
const SOON: Duration = Duration::from_secs(15);

/// Bytes that the versions here bring beside their models.
const BALLAST: usize = 400_000;

/// One mebibyte, the smallest cache: it holds two of the versions here.
const CACHE: &str = "1048576";

/// Publishes a version with so many bytes of its own beside the model.
async fn publish(weed: &Weed, version: u32, ballast: usize) {
    let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(ballast)
        .collect();
    let folder = changed(&tiny("colors/1"), |copy| {
        std::fs::write(copy.join("ballast"), bytes).expect("writes");
    });
    weed.publish(folder.path(), "colors", version).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_fill_the_cache_are_loaded_nevertheless() {
    let weed = Weed::start().await;
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = weed.ocellus(&["serve"]);
    command.env("OCELLUS_CACHE_BYTES", CACHE);
    let server = Gateway::run(command, cache.path());
    for version in 1..=3 {
        // Two of them have more than the cache holds, each in several files.
        let folder = changed(&tiny("colors/1"), |copy| {
            for file in ["one", "two"] {
                let bytes = std::iter::repeat_with(|| fastrand::u8(..));
                let bytes: Vec<u8> = bytes.take(BALLAST).collect();
                std::fs::write(copy.join(file), bytes).expect("writes");
            }
        });
        weed.publish(folder.path(), "colors", version).await;
        server.until_default("colors", version, SOON).await;
    }
}

/// Bytes of all files in a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("readable");
    let sizes = entries.map(|entry| entry.expect("readable").metadata().expect("is there").len());
    sizes.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_small_cache() {
    let weed = Weed::start().await;
    publish(&weed, 1, BALLAST).await;
    let cache = tempfile::tempdir().expect("a folder");
    let serve = || {
        let mut command = weed.ocellus(&["serve"]);
        command.env("OCELLUS_CACHE_BYTES", CACHE);
        Gateway::run(command, cache.path())
    };
    let servers = [serve(), serve()];
    let mut clients = Vec::new();
    for server in &servers {
        server.until_ready(SOON).await;
        clients.push(server.load("colors", &red(), 1));
    }
    for version in 2..=5 {
        publish(&weed, version, BALLAST).await;
        for server in &servers {
            server.until_default("colors", version, SOON).await;
        }
    }
    for load in clients {
        load.stop().await;
    }
    let kept = size_of(&cache.path().join("blobs"));
    assert!(kept <= 1 << 20, "{kept} bytes in a cache of {CACHE}");
    assert_eq!(
        size_of(&cache.path().join("incoming")),
        0,
        "no part is left"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_gives_up_what_is_unused_and_serving_goes_on() {
    let weed = Weed::start().await;
    publish(&weed, 1, BALLAST).await;
    let cache = tempfile::tempdir().expect("a folder");
    let (serve, folder) = (weed.ocellus(&["serve"]), cache.path().display());
    // A disk of one mebibyte that only the server sees.
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o size=1m tmpfs {folder} && exec {} serve",
            serve.get_program().display()
        ))
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, value) in serve.get_envs() {
        command.env(name, value.expect("is set"));
    }
    let server = Gateway::run(command, cache.path());
    server.until_ready(SOON).await;
    let load = server.load("colors", &red(), 1);
    for version in 2..=5 {
        publish(&weed, version, BALLAST).await;
        server.until_default("colors", version, SOON).await;
    }
    publish(&weed, 6, 1 << 20).await;
    let told = |detail: &Value| {
        let message = detail["versions"][0]["message"].as_str();
        message.is_some_and(|message| message.contains("No space left"))
    };
    let detail = server.until("colors", SOON, told).await;
    assert_eq!(detail["default_version"], 5, "{detail:#}");
    // It is tried again for as long as that lasts, and a smaller one serves meanwhile.
    publish(&weed, 7, BALLAST).await;
    server.until_default("colors", 7, SOON).await;
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_that_do_not_fit_side_by_side_take_turns() {
    let weed = Weed::start().await;
    let heavy = tiny("colors").with_file_name("../broken_models/heavy/1");
    weed.publish(&heavy, "heavy", 1).await;
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = weed.ocellus(&["serve"]);
    // A version takes some 64 MiB and more: one has room, two have not.
    command.env("OCELLUS_ENGINE_MEMORY_BYTES", (110 << 20).to_string());
    let server = Gateway::run(command, cache.path());
    server.until_ready(SOON).await;
    weed.publish(&heavy, "heavy", 2).await;
    server.until_default("heavy", 2, SOON).await;
    let detail = server.model("heavy").await;
    let of_first = detail["versions"][1]["message"].as_str().expect("text");
    assert!(of_first.contains("resource-preserving"), "{detail:#}");
}
