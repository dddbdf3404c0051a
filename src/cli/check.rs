//! `ocellus check`: a model's folder on pictures, without a server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use bytes::Bytes;
use serde_json::json;
use tokio::runtime::Handle;

use crate::{
    app::{Role, core::load_context, service_limits},
    core_client::CoreClient,
    fairness::claim::Claim,
    inference::{
        answer::{ImageOutcome, InferAnswer, SeenImage},
        options::InferOptions,
        request::{ImageUpload, InferRequest, ModelSpec, Wanted},
        service::InferenceService,
    },
    model::{
        golden::{GOLDEN_FOLDER, Golden, GoldenResult, Tolerance},
        name::{ModelName, Version},
    },
    publishing::trial,
    serving::choice::VersionChoice,
    telemetry::metrics::Metrics,
};

use super::{Failure, print, settings::SettingArgs};

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Folder with model.onnx, model.toml and labels.txt
    folder: PathBuf,
    /// Pictures to run it on
    #[arg(value_name = "PICTURE")]
    pictures: Vec<PathBuf>,
    /// Keep the answers in FOLDER/golden: a version that answers otherwise is not served
    #[arg(long)]
    write_golden: bool,
    /// Print the answers as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

pub(super) async fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    let config = args.settings.read()?;
    let metrics = Arc::new(Metrics::default());
    let mut context = load_context(&config, &metrics, Handle::current())?;
    context.instances = 1;
    let (folder, name, version) = identify(&args.folder)?;
    let manager = trial::load_folder(context, &folder, &name, version).await?;
    let core = CoreClient::InProcess(Arc::clone(&manager));
    let service = InferenceService::new(core, service_limits(&config, Role::Serve), metrics);
    if !args.json {
        print(format_args!(
            "{}: the model loads and fits its contract",
            args.folder.display()
        ))?;
    }
    let mut sound = true;
    for path in &args.pictures {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let request = InferRequest {
            id: path.display().to_string(),
            model: ModelSpec {
                name: name.clone(),
                version: VersionChoice::Version(version),
            },
            images: vec![ImageUpload {
                bytes: Ok(Bytes::from(bytes)),
                filename: None,
            }],
            options: InferOptions::default(),
            wanted: Wanted::Results,
            receive: std::time::Duration::ZERO,
            claim: Claim::default(),
        };
        let answer = service.infer(request).await?.answer;
        match answer.images.first().map(|image| &image.outcome) {
            Some(ImageOutcome::Seen(seen)) if args.write_golden => {
                write_golden(&args.folder, path, seen)?;
            }
            Some(ImageOutcome::Seen(_)) => (),
            Some(ImageOutcome::Failed { .. }) | None => sound = false,
        }
        report(path, &answer, args.json)?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Lays a picture and what the model found in it into the version's folder.
fn write_golden(folder: &Path, picture: &Path, seen: &SeenImage) -> Result<(), Failure> {
    let name = picture.file_name().unwrap_or_default();
    let golden = Golden {
        picture: name.to_string_lossy().into_owned(),
        results: seen.results.iter().map(GoldenResult::from).collect(),
        tolerance: Tolerance::default(),
    };
    let place = folder.join(GOLDEN_FOLDER);
    let unwritable = |error| format!("{}: {error}", place.display());
    fs::create_dir_all(&place).map_err(unwritable)?;
    let copy = place.join(name);
    if picture.canonicalize().ok() != copy.canonicalize().ok() {
        fs::copy(picture, &copy).map_err(unwritable)?;
    }
    let text = serde_json::to_string_pretty(&golden)?;
    fs::write(copy.with_added_extension("json"), text + "\n").map_err(unwritable)?;
    Ok(())
}

/// The folder as a version: by its own name and its parent's where those are a model's.
fn identify(folder: &Path) -> Result<(PathBuf, ModelName, Version), Failure> {
    let full = folder
        .canonicalize()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let text = |path: Option<&Path>| {
        path.and_then(Path::file_name)
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned()
    };
    let version = text(Some(&full)).parse().or_else(|_| "1".parse());
    let name = text(full.parent()).parse().or_else(|_| "model".parse());
    Ok((full, name?, version?))
}

fn report(path: &Path, answer: &InferAnswer, as_json: bool) -> Result<(), Failure> {
    if as_json {
        print(json!({ "picture": path, "answer": answer }))?;
        return Ok(());
    }
    for image in &answer.images {
        match &image.outcome {
            ImageOutcome::Failed { problem } => {
                print(format_args!(
                    "{}: {}: {}",
                    path.display(),
                    problem.title,
                    problem.detail
                ))?;
            }
            ImageOutcome::Seen(seen) => {
                let total = answer.timings.total_ms;
                print(format_args!(
                    "{}: {}×{}, {} results, {total:.1} ms of which {:.1} ms in the model",
                    path.display(),
                    seen.width,
                    seen.height,
                    seen.results.len(),
                    seen.timings.inference_ms
                ))?;
                for result in &seen.results {
                    let place = result.rect.map_or(String::new(), |r| {
                        format!("  {:.0} {:.0} {:.0} {:.0}", r.x1, r.y1, r.x2, r.y2)
                    });
                    print(format_args!(
                        "  {:.3}  {}{place}",
                        result.confidence, result.label
                    ))?;
                }
            }
        }
    }
    Ok(())
}
