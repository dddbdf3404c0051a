//! `ocellus publish`: a folder becomes a version in a bucket.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::ValueEnum;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use tokio::runtime::Handle;

use crate::{
    app::core::{load_context, open_store},
    model::name::{ModelName, Version},
    publishing::{
        publish::{Progress, Publication, Published, publish},
        saved_model::Conversion,
        staging::{SavedModelFolder, stage},
        trial,
    },
    telemetry::metrics::Metrics,
};

use super::{Failure, print, settings::SettingArgs};

#[derive(Debug, clap::Args)]
pub(super) struct PublishArgs {
    /// Folder with the model, model.toml, labels.txt and, where there are some, golden pictures
    folder: PathBuf,
    /// What the model is: model.onnx, or a TensorFlow `SavedModel` that is converted to one
    #[arg(long, value_name = "FORMAT", default_value = "onnx")]
    from: Format,
    /// Signature of the `SavedModel` to convert [default: `serving_default`]
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// Python 3.10 to 3.13 for the conversion, which makes an environment of its own with it
    #[arg(long, value_name = "FILE", default_value = Conversion::PYTHON)]
    python: PathBuf,
    /// Where to: `s3://bucket/prefix` or a folder; without it where the setting `models` says
    #[arg(long, value_name = "ROOT")]
    to: Option<String>,
    /// Model to publish it as
    #[arg(long, value_name = "NAME")]
    model: ModelName,
    /// Version to publish it as; without it the next number
    #[arg(long, value_name = "NUMBER")]
    version: Option<Version>,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An ONNX file, model.onnx
    Onnx,
    /// A TensorFlow `SavedModel`, in the folder itself or in its folder `saved_model`
    SavedModel,
}

pub(super) async fn run(args: PublishArgs) -> Result<ExitCode, Failure> {
    let config = args.settings.read()?;
    let root = args.to.unwrap_or_else(|| config.models.clone());
    let store = open_store(&root, &config).await?;
    let mut context = load_context(&config, &Arc::new(Metrics::default()), Handle::current())?;
    context.instances = 1;
    let folder = args.folder.canonicalize();
    let folder = folder.map_err(|error| format!("{}: {error}", args.folder.display()))?;
    let staged = match args.from {
        Format::Onnx => None,
        Format::SavedModel => {
            let source = SavedModelFolder {
                folder: folder.clone(),
                signature: args.signature,
                tools: config.cache.folder.join("python"),
                python: args.python,
            };
            Some(convert(&source).await?)
        }
    };
    let folder = staged
        .as_ref()
        .map_or(folder, |staged| staged.path().to_owned());
    let trial_version = match args.version {
        Some(version) => version,
        None => "1".parse()?,
    };
    trial::load_folder(context, &folder, &args.model, trial_version).await?;
    let publication = Publication {
        folder,
        model: args.model,
        version: args.version,
    };
    let bar = Bar::new()?;
    let published = publish(store.as_ref(), &publication, &bar).await;
    bar.0.finish_and_clear();
    let Published {
        version,
        digest,
        was_there,
    } = published?;
    let (model, root) = (&publication.model, store.root());
    let how = if was_there {
        "is already published"
    } else {
        "published"
    };
    print(format_args!(
        "{model} version {version} {how} in {root}, manifest {digest}"
    ))
}

/// Converts a `SavedModel`, and says how far the two models are apart.
async fn convert(source: &SavedModelFolder) -> Result<tempfile::TempDir, Failure> {
    let spinner = ProgressBar::new_spinner();
    spinner.enable_steady_tick(Duration::from_millis(100));
    let staged = stage(source, &|doing| spinner.set_message(doing.to_owned())).await;
    spinner.finish_and_clear();
    let (staged, report) = staged?;
    let differences = report.differences.iter();
    let largest = differences.map(|one| one.max_absolute).fold(0.0, f64::max);
    print(format_args!(
        "converted; its outputs are within {largest:.1e} of TensorFlow's"
    ))?;
    Ok(staged)
}

struct Bar(ProgressBar);

impl Bar {
    fn new() -> Result<Self, Failure> {
        let style = ProgressStyle::with_template(
            "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}",
        )?;
        Ok(Self(ProgressBar::no_length().with_style(style)))
    }
}

impl Progress for Bar {
    fn begin(&self, version: Version, bytes: u64) {
        self.0.set_length(bytes);
        let size = HumanBytes(bytes);
        self.0
            .set_message(format!("uploading version {version}, {size}"));
    }

    fn sent(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}
