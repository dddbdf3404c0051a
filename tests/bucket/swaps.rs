//! Versions that change under load.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    gateway::Gateway,
    picture::{red, tiny},
    weed::Weed,
};

/// Swaps, unless `OCELLUS_TEST_SWAPS` names another number; `make swaps` does.
const SWAPS: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_under_load_lose_nothing() {
    let swaps = swaps();
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    weed.publish(&tiny("colors/2"), "colors", 2).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    let load = gateway.load("colors", &red(), 4);
    let swap = async |version: u32| {
        weed.run(&[
            "models",
            "policy",
            "colors",
            "specific",
            &version.to_string(),
        ])
        .await;
        gateway
            .until_default("colors", version, Duration::from_secs(10))
            .await;
    };
    swap(1).await;
    swap(2).await;
    let (files, memory) = gateway.resources();
    for turn in 0..swaps {
        swap(turn % 2 + 1).await;
    }
    let (files_after, memory_after) = gateway.resources();
    let answers = load.stop().await;
    let mut seen = BTreeMap::new();
    for (version, digest, label) in &answers {
        assert_eq!(label, "red");
        let first = seen.entry(version).or_insert(digest);
        assert_eq!(first, &digest, "an answer names the version that gave it");
    }
    assert_eq!(seen.len(), 2, "both versions answered");
    assert!(
        files_after <= files + 8,
        "{files} open files became {files_after}"
    );
    let grown = memory_after.saturating_sub(memory);
    assert!(
        grown < 32 << 20,
        "memory grew by {grown} bytes in {swaps} swaps"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "the number of swaps is the test's own setting"
)]
fn swaps() -> u32 {
    let named = std::env::var("OCELLUS_TEST_SWAPS").ok();
    named.map_or(SWAPS, |text| text.parse().expect("a number of swaps"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_move_when_their_target_serves() {
    let weed = Weed::start().await;
    for version in [1, 2] {
        weed.publish(&tiny(&format!("colors/{version}")), "colors", version)
            .await;
    }
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    gateway
        .until_default("colors", 2, Duration::from_secs(10))
        .await;
    let load = gateway.load("colors", &red(), 2);
    weed.run(&["models", "promote", "colors", "1"]).await;
    gateway
        .until_default("colors", 1, Duration::from_secs(10))
        .await;
    weed.run(&["models", "promote", "colors", "2", "--label", "canary"])
        .await;
    let moved = |detail: &serde_json::Value| detail["labels"][0]["label"] == "canary";
    let detail = gateway
        .until("colors", Duration::from_secs(10), moved)
        .await;
    assert_eq!(detail["labels"][0]["version"], 2, "{detail:#}");
    assert_eq!(detail["labels"][1]["version"], 1, "{detail:#}");
    let canary = gateway.load("colors/labels/canary", &red(), 1);
    weed.run(&["models", "promote", "colors", "2"]).await;
    gateway
        .until_default("colors", 2, Duration::from_secs(10))
        .await;
    weed.run(&["models", "rollback", "colors"]).await;
    gateway
        .until_default("colors", 1, Duration::from_secs(10))
        .await;
    assert!(
        canary
            .stop()
            .await
            .iter()
            .all(|(version, _, _)| *version == 2)
    );
    load.stop().await;
}
