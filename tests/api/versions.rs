//! Models and versions: what is listed, what serves, what a broken one does.

use std::{fs, path::Path, process::Command};

use ocellus::app::AppError;
use serde_json::{Value, json};

use crate::{
    pictures::{RED, plain, png},
    server::{TestServer, app, tiny_models},
};

/// A copy of some versions of the tiny models, to break things in.
fn models(versions: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for version in versions {
        copy(&tiny_models().join(version), &root.path().join(version));
    }
    root
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for file in ["model.onnx", "model.toml", "labels.txt"] {
        fs::copy(from.join(file), to.join(file)).expect("copies");
    }
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("readable");
    assert!(text.contains(from), "{} has {from:?}", path.display());
    fs::write(path, text.replace(from, to)).expect("writes");
}

#[tokio::test]
async fn models_are_listed_with_their_versions() {
    let root = models(&["colors/1", "colors/2", "spots/1"]);
    let server = TestServer::with(root.path(), &[]).await;
    let list: Value = server.get("/v1/models").await.json().await.expect("JSON");
    let version = |number| json!({ "version": number, "state": "AVAILABLE", "message": "" });
    assert_eq!(
        list,
        json!({ "models": [
            { "name": "colors", "task": "classification", "default_version": 2,
              "versions": [version(2), version(1)] },
            { "name": "spots", "task": "detection", "default_version": 1,
              "versions": [version(1)] },
        ] })
    );
    let colors: Value = server
        .get("/v1/models/colors")
        .await
        .json()
        .await
        .expect("JSON");
    insta::assert_json_snapshot!("model_detail", colors);
}

#[tokio::test]
async fn without_a_core_nobody_says_that_there_is_no_version() {
    let gateway = TestServer::gateway("http://127.0.0.1:1", &[]).await;
    for path in ["versions/1", "labels/stable", "metadata"] {
        let answer = gateway.get(&format!("/v1/models/colors/{path}")).await;
        assert_eq!(answer.status(), 503, "{path}");
        assert_eq!(answer.headers()["retry-after"], "1", "{path}");
    }
    let server = TestServer::start().await;
    let answer = server.get("/v1/models/nothing/versions/1").await;
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn without_a_version_the_newest_answers() {
    let server = TestServer::start().await;
    let answer = server.answer("colors", png(&plain(4, 4, RED)), &[]).await;
    assert_eq!(answer["model"]["version"], 2);
    let answer = server
        .answer("colors/versions/1", png(&plain(4, 4, RED)), &[])
        .await;
    assert_eq!(answer["model"]["version"], 1);
}

/// A way to break a version, and a part of the reason that is then given.
type Break = (&'static str, fn(&Path), &'static str);

const BREAKS: [Break; 11] = [
    (
        "empty model",
        |v| fs::write(v.join("model.onnx"), "").expect("writes"),
        "cannot open",
    ),
    (
        "truncated model",
        |v| {
            let bytes = fs::read(v.join("model.onnx")).expect("readable");
            fs::write(v.join("model.onnx"), &bytes[..bytes.len() / 2]).expect("writes");
        },
        "cannot open",
    ),
    (
        "no contract",
        |v| fs::remove_file(v.join("model.toml")).expect("removes"),
        "model.toml",
    ),
    (
        "no labels",
        |v| fs::remove_file(v.join("labels.txt")).expect("removes"),
        "labels.txt",
    ),
    (
        "a label too few",
        |v| fs::write(v.join("labels.txt"), "a\nb").expect("writes"),
        "labels.txt has 2 lines, the model has 3 classes",
    ),
    (
        "another input name",
        |v| edit(&v.join("model.toml"), "[input]", "[input]\ntensor = \"x\""),
        "input.tensor: is \"x\", the graph's inputs are \"images\" [?, 3, 8, 8]",
    ),
    (
        "another size",
        |v| edit(&v.join("model.toml"), "height = 8", "height = 9"),
        "input.height: gives 9, the graph's input is [?, 3, 8, 8]",
    ),
    (
        "another type",
        |v| {
            edit(
                &v.join("model.toml"),
                "[input]",
                "[input]\ndtype = \"uint8\"",
            )
        },
        "input.dtype: is uint8, the graph's input \"images\" is float32",
    ),
    (
        "a provider that this ONNX Runtime lacks",
        |v| {
            let gpu = "[engine]\nproviders = [\"cuda\", \"cpu\"]\n\n[input]";
            edit(&v.join("model.toml"), "[input]", gpu);
        },
        "cuda was asked for and cannot be used: this ONNX Runtime is built without cuda; `make gpu",
    ),
    (
        "providers after the processor",
        |v| {
            let order = "[engine]\nproviders = [\"cpu\", \"cuda\"]\n\n[input]";
            edit(&v.join("model.toml"), "[input]", order);
        },
        "engine.providers: must be a list of tensorrt, cuda and cpu",
    ),
    (
        "NaN answers",
        |v| {
            let broken = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken_models");
            copy(&broken.join("not_a_number/1"), v);
        },
        "warm-up",
    ),
];

#[tokio::test]
async fn a_broken_version_says_why_and_leaves_the_others_alone() {
    for (name, break_it, reason) in BREAKS {
        let root = models(&["colors/1", "colors/2"]);
        break_it(&root.path().join("colors/2"));
        let server = TestServer::with(root.path(), &[]).await;
        let answer = server.answer("colors", png(&plain(4, 4, RED)), &[]).await;
        assert_eq!(
            answer["model"]["version"], 1,
            "{name}: the older version serves on"
        );
        let detail: Value = server
            .get("/v1/models/colors")
            .await
            .json()
            .await
            .expect("JSON");
        assert_eq!(detail["versions"][0]["state"], "END", "{name}");
        let message = detail["versions"][0]["message"].as_str().expect("text");
        assert!(message.contains(reason), "{name}: {message}");
        let refused = server
            .infer("colors/versions/2", png(&plain(4, 4, RED)), &[])
            .await;
        assert_eq!(refused.status(), 503, "{name}");
        let problem: Value = refused.json().await.expect("JSON");
        assert_eq!(problem["code"], "model_not_ready", "{name}");
        let metrics = server
            .get_operations("/metrics")
            .await
            .text()
            .await
            .expect("text");
        assert!(metrics.contains("ocellus_model_available{model=\"colors\",version=\"2\"} 0"));
    }
}

#[tokio::test]
async fn a_contract_with_five_faults_is_one_report() {
    let root = models(&["colors/1", "spots/1"]);
    let faults = "task = \"detektion\"\ncolour = 1\n[input]\nheight = 0\nwidth = 8\nlayout = \"HW\"\n\
                  [output]\ndecoder = \"softmx\"";
    fs::write(root.path().join("colors/1/model.toml"), faults).expect("writes");
    let server = TestServer::with(root.path(), &[]).await;
    let detail = server.model("colors").await;
    let message = detail["versions"][0]["message"].as_str().expect("text");
    insta::assert_snapshot!("five_faults", message);
}

#[tokio::test]
async fn a_missing_folder_and_a_missing_engine_end_the_start() {
    let root = tempfile::tempdir().expect("a folder");
    let error = app(&root.path().join("nowhere"), &[])
        .await
        .expect_err("no folder");
    assert!(matches!(error, AppError::NoFolder(_)), "{error}");
    let library = [("engine.library", "/nowhere/libonnxruntime.so")];
    let error = app(&tiny_models(), &library).await.expect_err("no engine");
    assert!(error.to_string().contains("make engine"), "{error}");
}

#[tokio::test]
async fn a_server_without_models_is_live_and_takes_them_when_they_come() {
    let root = tempfile::tempdir().expect("a folder");
    let server = TestServer::begin(root.path(), &[]).await;
    assert_eq!(server.get_operations("/livez").await.status(), 200);
    assert_eq!(server.get_operations("/readyz").await.status(), 503);
    copy(
        &tiny_models().join("colors/1"),
        &root.path().join("colors/1"),
    );
    server.until("/readyz", 200).await;
    let answer = server.answer("colors", png(&plain(4, 4, RED)), &[]).await;
    assert_eq!(answer["model"]["version"], 1);
}

#[tokio::test]
async fn an_index_that_cannot_be_read_keeps_no_model_back() {
    let root = tempfile::tempdir().expect("a folder");
    let published = Command::new(env!("CARGO_BIN_EXE_ocellus"))
        .args(["publish", "--model", "colors", "--to"])
        .arg(root.path())
        .arg(tiny_models().join("colors/1"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("starts");
    assert!(published.status.success(), "{published:?}");
    for too_short_or_large in [0, 64 << 20] {
        let index = fs::File::create(root.path().join("index.json")).expect("a file");
        index.set_len(too_short_or_large).expect("grows");
        let server = TestServer::with(root.path(), &[]).await;
        let answer = server.answer("colors", png(&plain(4, 4, RED)), &[]).await;
        assert_eq!(answer["model"]["version"], 1, "{too_short_or_large} bytes");
    }
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_setting() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address: &'static str = taken.local_addr().expect("bound").to_string().leak();
    let error = app(&tiny_models(), &[("http.address", address)])
        .await
        .expect_err("is taken");
    assert!(
        error
            .to_string()
            .starts_with(&format!("http.address {address}")),
        "{error}"
    );
}
