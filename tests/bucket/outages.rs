//! Buckets that are away, frozen or forbidden, and what is served meanwhile.

use std::time::Duration;

use crate::{
    gateway::Gateway,
    picture::{red, tiny},
    proxy::{Proxy, Way},
    weed::{ACCESS_KEY, Weed},
};

/// How long each outage lasts.
const OUTAGE: Duration = Duration::from_secs(5);

/// How often the root was looked at.
const POLLS: &str = "ocellus_source_polls_total{";

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
    gateway.until_polled(3).await;
    let spots = gateway.model("spots").await;
    assert_eq!(
        spots["default_version"], 1,
        "nor does one without it: {spots:#}"
    );
    let labels = gateway.model("spots").await["labels"].clone();
    assert_eq!(labels[0]["label"], "canary", "what is wanted is remembered");
    weed.publish(&tiny("spots/1"), "spots", 1).await;
    gateway.until_polled(2).await;
    weed.run(&["models", "rm", "spots", "--all"]).await;
    let gone = |detail: &serde_json::Value| detail["versions"][0]["state"] == "END";
    gateway.until("spots", BACK, gone).await;
    load.stop().await;
    let afresh = Gateway::start(&weed, cache.path()).await;
    let spots = afresh.model("spots").await;
    assert_eq!(spots["code"], "model_not_found", "{spots:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_bucket_is_waited_for_and_a_refusing_one_asked_once_a_poll() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let proxy = Proxy::start(&weed).await;
    let cache = tempfile::tempdir().expect("a folder");
    let mut command = weed.ocellus(&["serve"]);
    command.env("OCELLUS_S3_ENDPOINT", &proxy.endpoint);
    let gateway = Gateway::run(command, cache.path());
    gateway.until_ready(BACK).await;
    let load = gateway.load("colors", &red(), 2);
    let last_good = "ocellus_source_last_success_timestamp_seconds";

    for (status, code) in [(403, "AccessDenied"), (404, "NoSuchBucket")] {
        proxy.change(Way::Refused(status, code));
        // One that was under way when it changed may still end well.
        gateway.until_polled(2).await;
        let (polls, good) = (gateway.metric(POLLS).await, gateway.metric(last_good).await);
        proxy.change(Way::Refused(status, code));
        gateway.until_polled(4).await;
        let asked = proxy.change(Way::Refused(status, code));
        let polls = gateway.metric(POLLS).await - polls;
        assert!(!asked.is_empty(), "it is asked on");
        for (target, times) in &asked {
            let times = f64::from(*times);
            assert!(
                times <= polls + 1.0,
                "{status}: {times} × {target} in {polls} polls"
            );
        }
        let since = gateway.metric(last_good).await - good;
        assert!(since.abs() < 0.001, "no poll was good for {since} s");
    }
    proxy.change(Way::Late(Duration::from_secs(1)));
    weed.publish(&tiny("colors/2"), "colors", 2).await;
    gateway.until_default("colors", 2, BACK * 4).await;

    proxy.change(Way::Dripping);
    let failed = "ocellus_source_polls_total{outcome=\"failed\"}";
    gateway.until_more(failed, 1).await;
    assert_eq!(gateway.model("colors").await["default_version"], 2);
    proxy.change(Way::Through);
    weed.publish(&tiny("colors/1"), "colors", 3).await;
    gateway.until_default("colors", 3, BACK * 2).await;
    load.stop().await;
}
