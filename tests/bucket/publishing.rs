//! Publishers that are stopped, that race, and that have nothing sound to publish.

use std::time::Duration;

use serde_json::Value;

use crate::{
    gateway::Gateway,
    picture::{changed, red, tiny},
    weed::Weed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_is_finished_by_the_same_command() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    let load = gateway.load("colors", &red(), 1);
    // The real thing, killed at ever later moments of its life.
    let folder = tiny("colors/2");
    let folder = folder.to_str().expect("text");
    for after_ms in (0..600).step_by(40) {
        let mut publisher = weed.ocellus(&["publish", folder, "--model", "colors"]);
        let mut publisher = publisher.spawn().expect("starts");
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        publisher.kill().ok();
        publisher.wait().expect("is a child");
    }
    let said = weed.run(&["publish", folder, "--model", "colors"]).await;
    assert!(said.contains("colors version 2"), "{said}");
    gateway
        .until_default("colors", 2, Duration::from_secs(15))
        .await;
    let listed = weed.run(&["models", "list", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let versions: Vec<&Value> = listed["models"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(
        versions.len(),
        2,
        "no half-published version is left: {listed:#}"
    );
    assert!(
        versions
            .iter()
            .all(|version| version["state"] == "published"),
        "{listed:#}"
    );
    load.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_publishers_at_once_both_survive() {
    let weed = Weed::start().await;
    let colors = tiny("colors/1");
    let colors = colors.to_str().expect("text");
    let publish = |model: String| {
        let mut command = weed.ocellus(&["publish", colors, "--model", &model]);
        tokio::task::spawn_blocking(move || command.output().expect("starts"))
    };
    let running: Vec<_> = (0..6)
        .map(|number| publish(format!("colors-{number}")))
        .collect();
    for publisher in running {
        let output = publisher.await.expect("ends");
        assert!(output.status.success(), "{output:?}");
    }
    let index: Value = serde_json::from_slice(&weed.get("index.json").await).expect("JSON");
    assert_eq!(
        index["models"].as_object().map(serde_json::Map::len),
        Some(6),
        "{index:#}"
    );
    // The same model at once, with different content: each gets a number of its own.
    let other = changed(&tiny("colors/1"), |folder| {
        let path = folder.join("model.toml");
        let text = std::fs::read_to_string(&path).expect("readable");
        std::fs::write(path, format!("# other\n{text}")).expect("writes");
    });
    let other = other.path().to_str().expect("text").to_owned();
    let running: Vec<_> = [colors.to_owned(), other]
        .into_iter()
        .map(|folder| {
            let mut command = weed.ocellus(&["publish", &folder, "--model", "raced"]);
            tokio::task::spawn_blocking(move || command.output().expect("starts"))
        })
        .collect();
    for publisher in running {
        let output = publisher.await.expect("ends");
        assert!(output.status.success(), "{output:?}");
    }
    let listed = weed.run(&["models", "show", "raced", "--json"]).await;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(
        listed["models"].as_array().map(Vec::len),
        Some(2),
        "{listed:#}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_not_serve_is_not_published() {
    let weed = Weed::start().await;
    let refused = async |arguments: &[&str], reason: &str| {
        let mut command = weed.ocellus(arguments);
        let run = move || command.output().expect("starts");
        let output = tokio::task::spawn_blocking(run).await.expect("ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(reason), "{said} lacks {reason}");
    };
    let no_labels = changed(&tiny("colors/1"), |folder| {
        std::fs::write(folder.join("labels.txt"), "a\nb").expect("writes");
    });
    let no_labels = no_labels.path().to_str().expect("text").to_owned();
    refused(
        &["publish", &no_labels, "--model", "x"],
        "the model has 3 classes",
    )
    .await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let two = tiny("colors/2");
    let two = two.to_str().expect("text");
    let sealed = ["publish", two, "--model", "colors", "--version", "1"];
    refused(&sealed, "never overwritten").await;
    refused(
        &["models", "promote", "colors", "7"],
        "no published version 7; there are 1",
    )
    .await;
    refused(&["models", "rollback", "colors"], "no earlier version").await;
    weed.run(&["models", "promote", "colors", "1"]).await;
    refused(
        &["models", "rm", "colors", "1"],
        "promote another version first",
    )
    .await;
    refused(
        &["models", "policy", "colors", "specific", "9"],
        "no published version 9",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_publisher_left_is_not_taken_for_ones_own() {
    let weed = Weed::start().await;
    let size = std::fs::metadata(tiny("colors/1").join("model.onnx")).expect("is there");
    let size = usize::try_from(size.len()).expect("is small");
    weed.put("colors/5/model.onnx", vec![0; size]).await;
    weed.publish(&tiny("colors/1"), "colors", 5).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    gateway
        .until_default("colors", 5, Duration::from_secs(15))
        .await;
}
