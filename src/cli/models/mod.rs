//! `ocellus models`: what lies in the models' root, and what its owner wants of it.

mod table;

use std::{collections::BTreeSet, process::ExitCode, str::FromStr, sync::Arc};

use clap::{Subcommand, ValueEnum};

use crate::{
    app::core::open_store,
    model::{
        desired::{Desired, VersionPolicy},
        name::{Label, ModelName, NameError, Version},
    },
    publishing::{catalog, desired, remove},
    storage::ObjectStore,
};

use super::{Failure, print, settings::SettingArgs};
use table::report;

#[derive(Debug, Subcommand)]
pub(super) enum ModelsCommand {
    /// List the models and versions, and what is wrong with them
    List(ListArgs),
    /// Show one model: its versions, labels and policy
    Show(ShowArgs),
    /// Have a label name a version; `stable` answers where a request names no version
    Promote(PromoteArgs),
    /// Have `stable` name the version that it named before
    Rollback(RollbackArgs),
    /// Say which versions are loaded, beside those that labels name
    Policy(PolicyArgs),
    /// Remove a version, or a model with all its versions
    Rm(RmArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The model
    model: ModelName,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct PromoteArgs {
    /// The model
    model: ModelName,
    /// The version; `none` takes the label away
    version: VersionOrNone,
    /// The label
    #[arg(long, default_value = Label::STABLE)]
    label: Label,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Clone, Copy, Debug)]
enum VersionOrNone {
    Version(Version),
    None,
}

impl FromStr for VersionOrNone {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "none" => Ok(Self::None),
            version => version.parse().map(Self::Version),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct RollbackArgs {
    /// The model
    model: ModelName,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct PolicyArgs {
    /// The model
    model: ModelName,
    /// Which versions
    policy: PolicyKind,
    /// How many of the newest, or which, separated by commas
    value: Option<String>,
    #[command(flatten)]
    settings: SettingArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PolicyKind {
    /// The newest, as many as named, 1 where no number is
    Latest,
    /// Every version
    All,
    /// The versions named
    Specific,
}

#[derive(Debug, clap::Args)]
pub(super) struct RmArgs {
    /// The model
    model: ModelName,
    /// The version
    #[arg(required_unless_present = "all")]
    version: Option<Version>,
    /// The model with all its versions
    #[arg(long, conflicts_with = "version")]
    all: bool,
    #[command(flatten)]
    settings: SettingArgs,
}

pub(super) async fn run(command: ModelsCommand) -> Result<ExitCode, Failure> {
    match command {
        ModelsCommand::List(args) => {
            let store = open(args.settings).await?;
            let models = catalog::models(store.as_ref()).await?;
            report(store.as_ref(), &models, args.json).await
        }
        ModelsCommand::Show(args) => {
            let store = open(args.settings).await?;
            let model = catalog::model(store.as_ref(), &args.model).await?;
            if !args.json {
                match &model.desired {
                    Ok(desired) => tell(&args.model, desired)?,
                    Err(fault) => print(format_args!("{}: {fault}", args.model))?,
                };
            }
            report(store.as_ref(), &[model], args.json).await
        }
        ModelsCommand::Promote(args) => {
            let store = open(args.settings).await?;
            let desired = match args.version {
                VersionOrNone::None => {
                    desired::unlabel(store.as_ref(), &args.model, &args.label).await
                }
                VersionOrNone::Version(version) => {
                    desired::promote(store.as_ref(), &args.model, &args.label, version).await
                }
            };
            tell(&args.model, &desired?)
        }
        ModelsCommand::Rollback(args) => {
            let store = open(args.settings).await?;
            let desired = desired::rollback(store.as_ref(), &args.model).await?;
            tell(&args.model, &desired)
        }
        ModelsCommand::Policy(args) => {
            let policy = policy(args.policy, args.value.as_deref())?;
            let store = open(args.settings).await?;
            let desired = desired::set_policy(store.as_ref(), &args.model, &policy).await?;
            tell(&args.model, &desired)
        }
        ModelsCommand::Rm(args) => {
            let store = open(args.settings).await?;
            let model = &args.model;
            match args.version {
                Some(version) => {
                    remove::remove_version(store.as_ref(), model, version).await?;
                    print(format_args!("{model} version {version} removed"))
                }
                None => {
                    remove::remove_model(store.as_ref(), model).await?;
                    print(format_args!("{model} removed with all its versions"))
                }
            }
        }
    }
}

async fn open(settings: SettingArgs) -> Result<Arc<dyn ObjectStore>, Failure> {
    let config = settings.read()?;
    Ok(open_store(&config.models, &config).await?)
}

fn policy(kind: PolicyKind, value: Option<&str>) -> Result<VersionPolicy, Failure> {
    let wrong = |wants: &str| Failure(format!("policy {kind:?} takes {wants}").to_lowercase());
    match (kind, value) {
        (PolicyKind::All, None) => Ok(VersionPolicy::All),
        (PolicyKind::All, Some(_)) => Err(wrong("nothing")),
        (PolicyKind::Latest, value) => {
            let count = value.unwrap_or("1").parse();
            let count = count.map_err(|_| wrong("a number of versions, like 2"))?;
            Ok(VersionPolicy::Latest(count))
        }
        (PolicyKind::Specific, value) => {
            let versions = value.unwrap_or_default().split(',').map(str::parse);
            let versions: Result<BTreeSet<Version>, _> = versions.collect();
            let versions = versions.map_err(|_| wrong("versions separated by commas, like 3,5"))?;
            Ok(VersionPolicy::Specific(versions))
        }
    }
}

fn tell(model: &ModelName, desired: &Desired) -> Result<ExitCode, Failure> {
    let policy = desired
        .policy
        .as_ref()
        .map_or("latest 1".to_owned(), VersionPolicy::to_string);
    let labels = desired.labels.iter();
    let labels: Vec<_> = labels
        .map(|(label, version)| format!("{label}={version}"))
        .collect();
    let labels = if labels.is_empty() {
        "none, the newest answers".to_owned()
    } else {
        labels.join(" ")
    };
    print(format_args!("{model}: policy {policy}; labels {labels}"))
}
