//! `ocellus infer`: posts pictures to a server.

mod names;
mod refusal;

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::{
    Client,
    header::ACCEPT,
    multipart::{Form, Part},
};
use serde_json::{Value, json};

use crate::{
    config::is_url,
    model::name::{ModelName, Version},
};

use super::{Failure, print};
use names::Names;

/// Endings of files that a folder is searched for.
const ENDINGS: [&str; 5] = ["jpg", "jpeg", "png", "webp", "gif"];

#[derive(Debug, clap::Args)]
pub(super) struct InferArgs {
    /// Pictures, folders of pictures, or - for a picture on standard input
    #[arg(required = true, value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Address of the server
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL", value_parser = address)]
    server: String,
    /// API key
    #[arg(
        long,
        env = "OCELLUS_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    key: Option<String>,
    /// Model to ask
    #[arg(long, short, value_name = "NAME")]
    model: ModelName,
    /// Version to ask; without it the one labelled stable, or else the newest that can serve
    #[arg(long, value_name = "NUMBER")]
    version: Option<Version>,
    /// How many classes a classification answers
    #[arg(long, value_name = "COUNT")]
    top_k: Option<String>,
    /// Leave out results below this confidence, 0 to 1
    #[arg(long, value_name = "NUMBER")]
    confidence: Option<String>,
    /// Of boxes that overlap by more than this, keep the better one, 0 to 1
    #[arg(long, value_name = "NUMBER")]
    iou: Option<String>,
    /// Most boxes for a picture
    #[arg(long, value_name = "COUNT")]
    max_detections: Option<String>,
    /// Only these classes, separated by commas
    #[arg(long, value_name = "LABELS")]
    classes: Option<String>,
    /// Print the server's answers as JSON, one a line
    #[arg(long)]
    json: bool,
    /// Write each picture with its results drawn in to this folder, as cup.jpg.png and so on
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// A server's address as it is asked.
fn address(text: &str) -> Result<String, String> {
    if is_url(text) {
        Ok(text.to_owned())
    } else {
        Err("it begins with http:// or https://".to_owned())
    }
}

pub(super) async fn run(args: InferArgs) -> Result<ExitCode, Failure> {
    let pictures = find(&args.pictures)?;
    if let Some(folder) = &args.out {
        fs::create_dir_all(folder).map_err(|error| unreadable(folder, &error))?;
    }
    let client = Client::new();
    let bar = progress(pictures.len());
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["PICTURE", "LABEL", "CONFIDENCE", "BOX"]);
    let (mut failed, mut names) = (0, Names::default());
    for path in &pictures {
        bar.set_message(path.display().to_string());
        let answer = ask(&client, &args, path, &mut names).await;
        failed += usize::from(answer.is_err());
        if args.json {
            let line =
                answer.unwrap_or_else(|Failure(text)| json!({ "picture": path, "error": text }));
            bar.suspend(|| print(line))?;
        } else {
            add_rows(&mut table, path, answer);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if !args.json {
        print(table)?;
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every picture that is meant: files as they are, the pictures in folders in order of name.
fn find(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in named {
        if path.is_dir() {
            let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
            let mut files: Vec<PathBuf> = entries
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|file| is_picture(file))
                .collect();
            files.sort();
            if files.is_empty() {
                let endings = ENDINGS.join(", ");
                return Err(format!("{} holds no picture ({endings})", path.display()).into());
            }
            found.append(&mut files);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn is_picture(path: &Path) -> bool {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .map(str::to_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

fn progress(pictures: usize) -> ProgressBar {
    if pictures < 2 {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
    ProgressBar::new(pictures as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{}: {error}", path.display()))
}

/// Asks for one picture's results, and for the annotated picture where it is wanted.
async fn ask(
    client: &Client,
    args: &InferArgs,
    path: &Path,
    names: &mut Names,
) -> Result<Value, Failure> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin()
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(path, &error))?;
        bytes
    } else {
        fs::read(path).map_err(|error| unreadable(path, &error))?
    };
    let answer = post(client, args, (path, bytes.clone()), "application/json").await?;
    if let Some(folder) = &args.out {
        let annotated = post(client, args, (path, bytes), "image/png").await?;
        let bytes = annotated.bytes().await?;
        let file = folder.join(names.give(path));
        fs::write(&file, bytes).map_err(|error| unreadable(&file, &error))?;
    }
    Ok(answer.json().await?)
}

async fn post(
    client: &Client,
    args: &InferArgs,
    (path, bytes): (&Path, Vec<u8>),
    accept: &str,
) -> Result<reqwest::Response, Failure> {
    let version = args
        .version
        .map(|version| format!("/versions/{version}"))
        .unwrap_or_default();
    let server = args.server.trim_end_matches('/');
    let url = format!("{server}/v1/models/{}{version}/infer", args.model);
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut form = Form::new().part("image", Part::bytes(bytes).file_name(name));
    let options = [
        ("top_k", &args.top_k),
        ("confidence", &args.confidence),
        ("iou", &args.iou),
        ("max_detections", &args.max_detections),
        ("classes", &args.classes),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            form = form.text(name, value.clone());
        }
    }
    let mut request = client.post(&url).header(ACCEPT, accept).multipart(form);
    if let Some(key) = &args.key {
        request = request.bearer_auth(key);
    }
    let response = request.send().await.map_err(|error| {
        format!(
            "no answer from {server}: {}; is `ocellus serve` running there?",
            root(&error)
        )
    })?;
    if response.status().is_success() {
        return Ok(response);
    }
    let status = response.status();
    let body = response.text().await.unwrap_or_default();
    Err(Failure(refusal::words(status, &body)))
}

/// The innermost cause, which says what a person can act on.
fn root(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

fn add_rows(table: &mut Table, path: &Path, answer: Result<Value, Failure>) {
    let name = path.display().to_string();
    let answer = match answer {
        Ok(answer) => answer,
        Err(Failure(text)) => {
            table.add_row([name, text]);
            return;
        }
    };
    let results = answer
        .pointer("/images/0/results")
        .and_then(Value::as_array);
    let results = results.map(Vec::as_slice).unwrap_or_default();
    if results.is_empty() {
        table.add_row([name.as_str(), "(nothing found)"]);
    }
    for result in results {
        let label = result
            .get("label")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let confidence = result
            .get("confidence")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        let side = |key: &str| {
            result
                .pointer(&format!("/box/{key}"))
                .and_then(Value::as_f64)
        };
        let sides: Option<Vec<String>> = ["x1", "y1", "x2", "y2"]
            .map(|key| side(key).map(|x| format!("{x:.0}")))
            .into_iter()
            .collect();
        let rect = sides.map(|sides| sides.join(" ")).unwrap_or_default();
        table.add_row([name.as_str(), label, &format!("{confidence:.3}"), &rect]);
    }
}
