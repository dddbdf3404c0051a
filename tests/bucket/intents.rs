//! Owners who change their minds faster than versions are loaded: the last word counts, and
//! nothing fails on the way to it.

use std::time::Duration;

use serde_json::Value;

use crate::{
    gateway::Gateway,
    picture::{red, tiny},
    weed::Weed,
};

/// Time within which the last word is what serves.
const SOON: Duration = Duration::from_secs(15);

/// Polls after which nothing more is under way.
const SETTLED: u32 = 4;

fn state(status: &Value) -> Option<(i64, &str)> {
    Some((status["version"].as_i64()?, status["state"].as_str()?))
}

fn states(detail: &Value) -> Vec<(i64, &str)> {
    let versions = detail["versions"].as_array().expect("a list");
    let states = versions.iter().map(state);
    states.map(|one| one.expect("a version's state")).collect()
}

/// Does what an owner does, and looks all the time that one version is loaded at a time.
async fn watched(gateway: &Gateway, owner: impl Future<Output = ()>) {
    let watch = async {
        loop {
            let detail = gateway.model("colors").await;
            let loading = |(_, state): &&(i64, &str)| *state == "LOADING";
            let at_once = states(&detail).iter().filter(loading).count();
            assert!(at_once <= 1, "one load at a time: {detail:#}");
            assert!(
                detail["default_version"].is_i64(),
                "one serves always: {detail:#}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = owner => (),
        () = watch => (),
    }
}

/// The version that serves in the end, and what became of the others.
async fn check(gateway: &Gateway, version: u32) -> Value {
    gateway.until_default("colors", version, SOON).await;
    gateway.until_polled(SETTLED).await;
    let detail = gateway.model("colors").await;
    assert_eq!(detail["default_version"], version, "it stays: {detail:#}");
    detail
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_many_wishes_is_what_serves() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    let load = gateway.load("colors", &red(), 2);

    let (even, odd) = (tiny("colors/2"), tiny("colors/1"));
    watched(&gateway, async {
        let two = weed.publish(&even, "colors", 2);
        let three = weed.publish(&odd, "colors", 3);
        tokio::join!(two, three);
        gateway.until_default("colors", 3, SOON).await;
    })
    .await;
    check(&gateway, 3).await;

    watched(&gateway, async {
        for version in ["1", "2", "3", "2", "1", "3", "1"] {
            weed.run(&["models", "promote", "colors", version]).await;
        }
        weed.run(&["models", "rollback", "colors"]).await;
        gateway.until_default("colors", 3, SOON).await;
    })
    .await;
    check(&gateway, 3).await;

    watched(&gateway, async {
        weed.publish(&even, "colors", 4).await;
        weed.run(&["models", "rm", "colors", "4"]).await;
        gateway.until_polled(SETTLED).await;
    })
    .await;
    let detail = check(&gateway, 3).await;
    let mut serving = states(&detail);
    serving.retain(|(_, state)| *state == "AVAILABLE");
    assert_eq!(serving, [(3, "AVAILABLE")], "4 was taken back: {detail:#}");

    weed.publish(&even, "colors", 5).await;
    watched(&gateway, async {
        weed.run(&["models", "promote", "colors", "5"]).await;
        gateway.until_default("colors", 5, SOON).await;
    })
    .await;
    check(&gateway, 5).await;
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_deleted_serves_until_another_does() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    weed.publish(&tiny("colors/2"), "colors", 2).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    let load = gateway.load("colors", &red(), 2);
    check(&gateway, 2).await;

    weed.run(&["models", "rm", "colors", "2"]).await;
    let ended = |detail: &Value| states(detail).contains(&(2, "END"));
    gateway.until("colors", SOON, ended).await;
    let detail = check(&gateway, 1).await;
    assert!(states(&detail).contains(&(1, "AVAILABLE")), "{detail:#}");

    // The files of the only one that serves, past its owner.
    weed.delete("colors/1").await;
    check(&gateway, 1).await;
    weed.publish(&tiny("colors/2"), "colors", 3).await;
    check(&gateway, 3).await;
    load.stop().await;
}
