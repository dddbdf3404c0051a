//! Versions that are broken in ten ways, while another serves.

use std::time::Duration;

use ocellus::model::digest::Digest;
use serde_json::{Value, json};

use crate::{
    gateway::Gateway,
    picture::{red, tiny},
    weed::Weed,
};

/// Time within which a reason must be readable.
const SOON: Duration = Duration::from_secs(10);

/// The files of a version, to be broken before they are put into the bucket.
struct Files(Vec<(&'static str, Vec<u8>)>);

impl Files {
    fn of(folder: &std::path::Path) -> Self {
        let read = |name| (name, std::fs::read(folder.join(name)).expect("readable"));
        Self(["model.onnx", "model.toml", "labels.txt"].map(read).into())
    }

    fn get(&mut self, name: &str) -> &mut Vec<u8> {
        let found = self.0.iter_mut().find(|(path, _)| *path == name);
        &mut found.expect("is there").1
    }

    fn edit(&mut self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.get(name).clone()).expect("text");
        assert!(text.contains(from), "{name} has {from:?}");
        *self.get(name) = text.replace(from, to).into_bytes();
    }

    fn manifest(&self, version: i64) -> Value {
        let file = |(path, bytes): &(&str, Vec<u8>)| json!({ "path": path, "size": bytes.len(), "sha256": Digest::of(bytes) });
        let files: Vec<Value> = self.0.iter().map(file).collect();
        json!({ "schema": 1, "model": "colors", "version": version, "files": files })
    }

    async fn put(&self, weed: &Weed, version: i64, manifest: Option<Value>) {
        for (path, bytes) in &self.0 {
            weed.put(&format!("colors/{version}/{path}"), bytes.clone())
                .await;
        }
        if let Some(manifest) = manifest {
            let key = format!("colors/{version}/manifest.json");
            weed.put(&key, manifest.to_string().into_bytes()).await;
        }
    }
}

/// Puts a version that is broken into the bucket, and a part of the reason that is then given.
async fn break_as(weed: &Weed, kind: &str, version: i64) -> &'static str {
    let mut files = Files::of(&tiny("colors/2"));
    let reason = match kind {
        "truncated protobuf" => {
            let model = files.get("model.onnx");
            model.truncate(model.len() / 2);
            "engine cannot open"
        }
        "wrong input name" => {
            files.edit("model.toml", "[input]", "[input]\ntensor = \"x\"");
            "input.tensor"
        }
        "NaN output" => {
            let broken = tiny("colors").join("../../broken_models/not_a_number/1");
            files = Files::of(&broken);
            "warm-up"
        }
        "golden mismatch with RGB swapped" => {
            files.edit("model.toml", "[input]", "[input]\ncolor = \"BGR\"");
            let golden = json!({
                "picture": "red.png", "results": [{ "label": "red", "confidence": 0.9 }],
                "tolerance": { "confidence": 0.5 },
            });
            files.0.push(("golden/red.png", red()));
            files
                .0
                .push(("golden/red.json", golden.to_string().into_bytes()));
            "golden answer missed"
        }
        _ => "",
    };
    let mut manifest = files.manifest(version);
    let (reason, manifest) = match kind {
        "flipped byte" => {
            files.get("model.onnx")[10] ^= 1;
            ("model.onnx is corrupt", Some(manifest))
        }
        "missing file" => {
            files.0.remove(2);
            ("labels.txt is not there", Some(manifest))
        }
        "no manifest" => ("no manifest.json yet", None),
        "manifest of another version" => {
            manifest["version"] = json!(1);
            ("is that of colors version 1", Some(manifest))
        }
        "2 GB declared" => {
            manifest["files"][0]["size"] = json!(2_147_483_648_u64);
            ("the manifest says 2147483648", Some(manifest))
        }
        _ => (reason, Some(manifest)),
    };
    files.put(weed, version, manifest).await;
    reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_version_says_why_and_no_request_fails() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let cache = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(&weed, cache.path()).await;
    let load = gateway.load("colors", &red(), 2);
    let kinds = [
        ("truncated protobuf", "engine"),
        ("flipped byte", "wrong_digest"),
        ("missing file", "missing_file"),
        ("wrong input name", "contract"),
        ("NaN output", "warm_up"),
        ("golden mismatch with RGB swapped", "golden"),
        ("no manifest", "no_manifest"),
        ("manifest of another version", "manifest"),
        ("2 GB declared", "wrong_size"),
    ];
    for (version, (kind, code)) in (2..).zip(kinds) {
        let reason = break_as(&weed, kind, version).await;
        let told = |detail: &Value| {
            let versions = detail["versions"].as_array().expect("a list");
            let status = versions.iter().find(|status| status["version"] == version);
            let message = status.and_then(|status| status["message"].as_str());
            message.is_some_and(|message| message.contains(reason))
        };
        gateway.until("colors", SOON, told).await;
        let metric = format!("version=\"{version}\",reason=\"{code}\"}}");
        let metrics = gateway.metrics().await;
        assert!(
            metrics.contains(&metric),
            "{kind}: {metric} is not in\n{metrics}"
        );
    }
    for version in [0, -1] {
        let files = Files::of(&tiny("colors/2"));
        files
            .put(&weed, version, Some(files.manifest(version)))
            .await;
        let told = |detail: &Value| {
            let faults = detail["faults"].as_array().expect("a list");
            let named = format!("folder \"{version}\" is no version");
            faults
                .iter()
                .any(|fault| fault.as_str().is_some_and(|text| text.contains(&named)))
        };
        gateway.until("colors", SOON, told).await;
    }
    let answers = load.stop().await;
    assert!(answers.iter().all(|(version, _, _)| *version == 1));
    // After a restart the newest that is sound serves, not the newest.
    drop(gateway);
    let gateway = Gateway::start(&weed, cache.path()).await;
    gateway.until_default("colors", 1, SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_ended_its_process_is_tried_again_when_its_note_is_removed() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    weed.publish(&tiny("spots/1"), "spots", 1).await;
    let manifest = weed.get("colors/1/manifest.json").await;
    let cache = tempfile::tempdir().expect("a folder");
    let notes = cache.path().join("loading");
    std::fs::create_dir(&notes).expect("a folder");
    let note = notes.join(Digest::of(&manifest).hex());
    std::fs::write(&note, "2\n").expect("writes");
    let server = Gateway::start(&weed, cache.path()).await;
    server.until_default("spots", 1, SOON).await;
    let told = |model: &Value| {
        let message = model["versions"][0]["message"].as_str();
        message.is_some_and(|message| message.contains("ended the process 2 times"))
    };
    server.until("colors", SOON, told).await;
    std::fs::remove_file(&note).expect("is there");
    server.until_default("colors", 1, SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_whose_loads_end_the_process_twice_is_skipped_at_the_next_start() {
    let weed = Weed::start().await;
    weed.publish(&tiny("colors/1"), "colors", 1).await;
    let heavy = tiny("colors").with_file_name("../broken_models/heavy/1");
    weed.publish(&heavy, "colors", 2).await;
    let note = Digest::of(&weed.get("colors/2/manifest.json").await).hex();
    let cache = tempfile::tempdir().expect("a folder");
    let note = cache.path().join("loading").join(note);
    let noted = || std::fs::read_to_string(&note).unwrap_or_default();
    let begun = std::time::Instant::now();
    for deaths in 1..=2 {
        // Some loads are done before they are noticed; their notes are gone with them.
        while noted().trim() != deaths.to_string() {
            assert!(begun.elapsed() < 6 * SOON, "no load was caught at it");
            let server = Gateway::begin(&weed, cache.path());
            while noted().trim() != deaths.to_string() && !server.is_ready().await {}
            drop(server);
        }
    }
    let server = Gateway::start(&weed, cache.path()).await;
    server.until_default("colors", 1, SOON).await;
    let detail = server.model("colors").await;
    let message = detail["versions"][0]["message"].as_str().expect("text");
    assert!(message.contains("ended the process 2 times"), "{detail:#}");
    server.load("colors", &red(), 1).stop().await;
}
