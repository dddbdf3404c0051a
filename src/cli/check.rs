//! `ocellus check`: a model's folder on pictures, without a server.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use bytes::Bytes;
use serde_json::json;

use crate::{
    engine::Runtime,
    inference::{
        answer::{ImageOutcome, InferAnswer},
        core_client::CoreClient,
        options::InferOptions,
        request::{ImageUpload, InferRequest, ModelSpec, Wanted},
        service::InferenceService,
    },
    model::name::{ModelName, Version},
    preprocess::ImageLimits,
    serving::{loader::LoadContext, manager::Manager, source::AspiredVersion},
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
    /// Print the answers as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

pub(super) async fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    let config = args.settings.read()?;
    let metrics = Arc::new(Metrics::default());
    let manager = Arc::new(Manager::new(LoadContext {
        runtime: Runtime::start(config.engine.library.as_deref())?,
        threads: config.engine.threads,
        instances: 1,
        metrics: Arc::clone(&metrics),
    }));
    let aspired = aspired(&args.folder)?;
    let (name, version) = (aspired.name.clone(), aspired.version);
    let failed = manager.load(vec![aspired]).await;
    if !failed.is_empty() {
        return Err(failed.join("\n").into());
    }
    let limits = &config.limits;
    let limits = ImageLimits {
        max_pixels: limits.image_pixels,
        max_side: limits.image_side,
    };
    let core = CoreClient::InProcess(Arc::clone(&manager));
    let service = InferenceService::new(core, config.limits.decodes, limits, metrics);
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
                version: Some(version),
            },
            images: vec![ImageUpload {
                bytes: Bytes::from(bytes),
                filename: None,
            }],
            options: InferOptions::default(),
            wanted: Wanted::Results,
            receive: std::time::Duration::ZERO,
        };
        let answer = service.infer(request).await?.answer;
        sound &= matches!(
            answer.images.first().map(|i| &i.outcome),
            Some(ImageOutcome::Seen(_))
        );
        report(path, &answer, args.json)?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The folder as a version: by its own name and its parent's where those are a model's.
fn aspired(folder: &Path) -> Result<AspiredVersion, Failure> {
    let full = folder
        .canonicalize()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let text = |path: Option<&Path>| {
        path.and_then(Path::file_name)
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned()
    };
    let version = text(Some(&full))
        .parse::<Version>()
        .or_else(|_| "1".parse());
    let name = text(full.parent())
        .parse::<ModelName>()
        .or_else(|_| "model".parse());
    Ok(AspiredVersion {
        name: name?,
        version: version?,
        folder: full,
    })
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
