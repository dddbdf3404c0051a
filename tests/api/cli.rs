//! The commands as a person types them.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    pictures::{BLUE, RED, plain, png, spots},
    server::{TestServer, tiny_models},
};

fn ocellus(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocellus"));
    command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs a command off the runtime's threads, so that a server of this test can answer it.
async fn run(mut command: Command) -> Output {
    let work = move || command.output().expect("starts");
    tokio::task::spawn_blocking(work).await.expect("ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn folder_of_pictures() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).expect("writes");
    };
    write("a.png", &png(&spots(96, 64, &[([10, 10, 40, 30], RED)])));
    write("b.PNG", &png(&spots(96, 64, &[([20, 20, 60, 50], BLUE)])));
    write("c.jpg", b"no picture");
    write("notes.txt", b"not looked at");
    folder
}

#[tokio::test]
async fn infer_posts_a_folder_and_draws_what_was_found() {
    let server = TestServer::start().await;
    let folder = folder_of_pictures();
    let out = folder.path().join("out");
    let pictures = folder.path().to_str().expect("text");
    let base = server.url("");
    let mut command = ocellus(&["infer", "--model", "spots", "--server", &base, pictures]);
    command.arg("--out").arg(&out);
    let output = run(command).await;
    let table = text(&output.stdout);
    assert!(!output.status.success(), "one picture failed");
    for part in [
        "a.png",
        "red",
        "10 10 40 30",
        "b.PNG",
        "blue",
        "c.jpg",
        "this is text",
    ] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
    assert!(!table.contains("notes.txt"), "{table}");
    for name in ["a.png.png", "b.PNG.png"] {
        let drawn = image::open(out.join(name)).expect("decodes").into_rgb8();
        assert_eq!(drawn.dimensions(), (96, 64));
    }
}

#[tokio::test]
async fn infer_reads_standard_input_and_prints_json() {
    let server = TestServer::start().await;
    let base = server.url("");
    let mut command = ocellus(&[
        "infer", "--model", "colors", "--server", &base, "--json", "-",
    ]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&png(&plain(8, 8, RED))).expect("writes");
    drop(stdin);
    let wait = move || child.wait_with_output().expect("ends");
    let output = tokio::task::spawn_blocking(wait).await.expect("ends");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["images"][0]["results"][0]["label"], "red");
}

#[tokio::test]
async fn infer_says_what_the_server_said_and_when_there_is_none() {
    let server = TestServer::start().await;
    let folder = folder_of_pictures();
    let picture = folder.path().join("a.png");
    let picture = picture.to_str().expect("text");
    let base = server.url("");
    let output = run(ocellus(&[
        "infer", "--model", "nothing", "--server", &base, picture,
    ]))
    .await;
    assert!(
        text(&output.stdout).contains("No such model (404)"),
        "{}",
        text(&output.stdout)
    );
    server.stop().await.expect("ends well");
    let output = run(ocellus(&[
        "infer", "--model", "spots", "--server", &base, picture,
    ]))
    .await;
    assert!(
        text(&output.stdout).contains("is `ocellus serve` running"),
        "{output:?}"
    );
}

#[tokio::test]
async fn check_runs_a_folder_without_a_server() {
    let folder = folder_of_pictures();
    let model = tiny_models().join("marks/1");
    let picture = folder.path().join("a.png");
    let paths = [
        model.to_str().expect("text"),
        picture.to_str().expect("text"),
    ];
    let output = run(ocellus(&["check", paths[0], paths[1]])).await;
    let report = text(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(
        report.contains("fits its contract") && report.contains("mark"),
        "{report}"
    );
    let broken = tiny_models().with_file_name("broken_models/not_a_number/1");
    let output = run(ocellus(&["check", broken.to_str().expect("text")])).await;
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("warm-up"), "{output:?}");
}

#[tokio::test]
async fn check_writes_golden_answers_that_the_next_load_is_held_to() {
    let folder = folder_of_pictures();
    let version = folder.path().join("colors/1");
    fs::create_dir_all(&version).expect("a folder");
    for file in ["model.onnx", "model.toml", "labels.txt"] {
        let from = tiny_models().join("colors/1").join(file);
        fs::copy(from, version.join(file)).expect("copies");
    }
    let picture = folder.path().join("a.png");
    let check = |arguments: &[&str]| {
        let mut command = ocellus(&["check"]);
        command.arg(&version).args(arguments);
        run(command)
    };
    let picture = picture.to_str().expect("text");
    let written = check(&[picture, "--write-golden"]).await;
    assert!(written.status.success(), "{written:?}");
    assert!(version.join("golden/a.png.json").is_file());
    let held = check(&[]).await;
    assert!(held.status.success(), "{held:?}");
    let labels = fs::read_to_string(version.join("labels.txt")).expect("reads");
    let turned: Vec<&str> = labels.lines().rev().collect();
    fs::write(version.join("labels.txt"), turned.join("\n")).expect("writes");
    let other = check(&[]).await;
    assert!(!other.status.success());
    assert!(text(&other.stderr).contains("a.png must give"), "{other:?}");
}

#[tokio::test]
async fn models_list_names_the_faults_of_contracts() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path().join("cat/3");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("model.toml"), "task = \"detektion\"").expect("writes");
    let list = |root: &Path| {
        let mut command = ocellus(&["models", "list", "--models"]);
        command.arg(root);
        run(command)
    };
    let output = list(root.path()).await;
    assert!(!output.status.success());
    assert!(text(&output.stdout).contains("detektion"), "{output:?}");
    let output = list(&tiny_models()).await;
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("spots_any"), "{output:?}");
}

#[tokio::test]
async fn models_list_shows_whose_desired_state_cannot_be_read() {
    let root = tempfile::tempdir().expect("a folder");
    for model in ["cat", "dog"] {
        let folder = root.path().join(model).join("3");
        fs::create_dir_all(&folder).expect("a folder");
        let contract = tiny_models().join("colors/1/model.toml");
        fs::copy(contract, folder.join("model.toml")).expect("copies");
    }
    fs::write(root.path().join("cat/serving.json"), "{").expect("writes");
    let mut command = ocellus(&["models", "list", "--json", "--models"]);
    command.arg(root.path());
    let output = run(command).await;
    assert!(!output.status.success());
    let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [cat, dog] = [0, 1].map(|index: usize| &listed["models"][index]);
    assert_eq!([&cat["model"], &dog["model"]], ["cat", "dog"]);
    let fault = cat["fault"].as_str().expect("a fault");
    assert!(fault.starts_with("serving.json cannot be read"), "{fault}");
    assert!(dog["fault"].is_null(), "{listed:#}");
}

#[tokio::test]
async fn a_provider_that_cannot_start_is_the_reason_and_the_processor_no_way_out() {
    for providers in ["cuda", "cuda,cpu", "tensorrt,cuda,cpu"] {
        let mut command = ocellus(&["serve", "--providers", providers, "--models"]);
        command.arg(tiny_models());
        command.args(["--http-address", "127.0.0.1:0"]);
        command.args(["--operations-address", "127.0.0.1:0"]);
        let output = run(command).await;
        assert!(!output.status.success(), "{providers}");
        let report = text(&output.stderr);
        let first = providers.split(',').next().expect("one");
        let reason =
            format!("{first} was asked for and cannot be used: this ONNX Runtime is built");
        assert!(report.contains(&reason), "{report}");
        assert!(report.contains("or ask for cpu"), "{report}");
    }
}

#[tokio::test]
async fn faults_of_the_configuration_are_reported_before_anything_starts() {
    let mut command = ocellus(&["serve", "--limits-images", "0", "--http-address", "here"]);
    command.env("OCELLUS_LOG_FORMAT", "xml");
    let output = run(command).await;
    assert!(!output.status.success());
    let report = text(&output.stderr);
    for part in [
        "3 faults",
        "--limits-images",
        "--http-address",
        "OCELLUS_LOG_FORMAT",
    ] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
}

#[tokio::test]
async fn a_server_may_have_a_file_open_for_each_connection_or_says_that_it_may_not() {
    // There are no models there: it ends when it has looked at its limits.
    let serve = async |limit: &str, connections: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit $0 && exec \"$@\"", limit]);
        command.args([
            env!("CARGO_BIN_EXE_ocellus"),
            "serve",
            "--models",
            "/nowhere",
        ]);
        command.args(["--http-connections", connections]);
        text(&run(command).await.stderr)
    };
    let raised = serve("-Sn 256", "10").await;
    assert!(raised.contains("/nowhere"), "{raised}");
    assert!(!raised.contains("open_files"), "{raised}");
    let few = serve("-n 600", "1024").await;
    assert!(
        few.contains("\"open_files\":600") && few.contains("\"wanted\":2560"),
        "{few}"
    );
}
