//! Buckets that are away, frozen or forbidden, and what is served meanwhile.

use std::time::Duration;

use crate::{
    gateway::Gateway,
    picture::{red, tiny},
    weed::{ACCESS_KEY, Weed},
};

/// How long each outage lasts.
const OUTAGE: Duration = Duration::from_secs(5);

/// Time within which a version that is published after an outage must serve.
const BACK: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_loaded_serves_while_the_bucket_does_not() {
    let mut weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    let load = gateway.load("colors", &red(), 2);

    weed.stop();
    tokio::time::sleep(OUTAGE).await;
    weed.restart().await;
    weed.publish(&tiny("colors/2"), "colors", 2).await;
    gateway.until_default("colors", 2, BACK).await;

    weed.signal("STOP");
    tokio::time::sleep(OUTAGE).await;
    weed.signal("CONT");
    weed.publish(&tiny("colors/1"), "colors", 3).await;
    gateway.until_default("colors", 3, BACK).await;

    weed.set_keys("another-key");
    weed.restart().await;
    tokio::time::sleep(OUTAGE).await;
    let metrics = gateway.metrics().await;
    assert!(
        metrics.contains("ocellus_source_polls_total{outcome=\"failed\"}"),
        "{metrics}"
    );
    weed.set_keys(ACCESS_KEY);
    weed.restart().await;
    weed.publish(&tiny("colors/2"), "colors", 4).await;
    gateway.until_default("colors", 4, BACK).await;
    assert!(gateway.is_ready().await);
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_without_the_bucket_serves_from_the_cache() {
    let mut weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    weed.publish(&tiny("colors/2"), "colors", 2).await;
    weed.run(&["models", "promote", "colors", "1"]).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    gateway.until_default("colors", 1, BACK).await;
    gateway.terminate().await;

    weed.stop();
    let gateway = Gateway::start(&weed, cache.path()).await;
    assert_eq!(
        gateway.model("colors").await["default_version"],
        1,
        "stable is remembered"
    );
    let empty = tempfile::tempdir().expect("a folder");
    let cold = Gateway::begin(&weed, empty.path());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!cold.is_ready().await, "nothing is there to serve");

    weed.restart().await;
    cold.until_ready(Duration::from_secs(10)).await;
    weed.publish(&tiny("spots/1"), "spots", 1).await;
    gateway.until_default("spots", 1, BACK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_owner_takes_a_model_away() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    weed.publish(&tiny("spots/1"), "spots", 1).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    gateway.until_default("spots", 1, BACK).await;
    weed.run(&["models", "promote", "spots", "1", "--label", "canary"])
        .await;
    let labelled = |detail: &serde_json::Value| detail["labels"][0]["version"] == 1;
    gateway.until("spots", BACK, labelled).await;
    let load = gateway.load("colors", &red(), 1);
    weed.delete("").await;
    tokio::time::sleep(OUTAGE + OUTAGE).await;
    for model in ["colors", "spots"] {
        assert_eq!(
            gateway.model(model).await["default_version"],
            1,
            "an empty bucket says nothing"
        );
    }
    weed.publish(&tiny("colors/2"), "colors", 2).await;
    gateway.until_default("colors", 2, BACK).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let spots = gateway.model("spots").await;
    assert_eq!(
        spots["default_version"], 1,
        "nor does one without it: {spots:#}"
    );
    let labels = gateway.model("spots").await["labels"].clone();
    assert_eq!(labels[0]["label"], "canary", "what is wanted is remembered");
    weed.publish(&tiny("spots/1"), "spots", 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    weed.run(&["models", "rm", "spots", "--all"]).await;
    let gone = |detail: &serde_json::Value| detail["versions"][0]["state"] == "END";
    gateway.until("spots", BACK, gone).await;
    load.stop().await;
}
