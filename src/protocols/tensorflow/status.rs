//! How versions stand, and which are wanted, in TensorFlow Serving's messages.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tonic::Code;

use crate::{
    error::ErrorCode,
    inference::request::ModelSpec,
    model::{
        desired::VersionPolicy,
        name::{ModelName, Version},
    },
    proto::generated::tensorflow::serving::{
        GetModelStatusResponse, ModelConfig, ModelServerConfig, ModelVersionStatus, StatusProto,
        file_system_storage_path_source_config::servable_version_policy::PolicyChoice,
        model_server_config, model_version_status,
    },
    serving::{
        choice::VersionChoice,
        overrides::ModelOverride,
        state::{ModelStatus, State, VersionStatus},
    },
};

use super::fault::Fault;

/// How the versions of a model stand that are asked about: all, one, or the one that a label names.
///
/// # Errors
/// When there is none.
pub fn of(model: &ModelStatus, asked: &ModelSpec) -> Result<GetModelStatusResponse, Fault> {
    let name = &model.name;
    let missing = |message: String| Fault::missing(ErrorCode::VersionNotFound, message);
    let one = |version: Version| {
        let found = model.version(version);
        found
            .map(|status| vec![status])
            .ok_or_else(|| missing(format!("Could not find version {version} of model {name}")))
    };
    let versions: Vec<&VersionStatus> = match &asked.version {
        VersionChoice::Default if model.versions.is_empty() => {
            return Err(unknown(name));
        }
        VersionChoice::Default => model.versions.iter().collect(),
        VersionChoice::Version(version) => one(*version)?,
        VersionChoice::Label(label) => {
            let found = model.label(label.as_str());
            let version = found.and_then(|label| label.version);
            one(version.ok_or_else(|| Fault::no_label(label))?)?
        }
    };
    let model_version_status = versions.into_iter().map(version_status).collect();
    Ok(GetModelStatusResponse {
        model_version_status,
    })
}

/// What is said of a model that there is not.
#[must_use]
pub fn unknown(name: &ModelName) -> Fault {
    let message = format!("Could not find any versions of model {name}");
    Fault::missing(ErrorCode::ModelNotFound, message)
}

/// How a version stands, as the REST interface writes it.
#[must_use]
pub fn json(status: &ModelVersionStatus) -> Value {
    let StatusProto {
        error_code,
        error_message,
    } = status.status.clone().unwrap_or_default();
    let code = if error_code == 0 { "OK" } else { "UNKNOWN" };
    json!({
        "version": status.version.to_string(),
        "state": status.state().as_str_name(),
        "status": { "error_code": code, "error_message": error_message },
    })
}

/// How a version stands.
#[must_use]
pub fn version_status(status: &VersionStatus) -> ModelVersionStatus {
    use model_version_status::State as Said;
    let state = match status.state {
        State::Start => Said::Start,
        State::Loading => Said::Loading,
        State::Available => Said::Available,
        State::Unloading => Said::Unloading,
        State::End => Said::End,
    };
    let code = if status.has_failed() {
        Code::Unknown
    } else {
        Code::Ok
    };
    ModelVersionStatus {
        version: status.version.get(),
        state: state.into(),
        status: Some(StatusProto {
            error_code: code.into(),
            error_message: status.message.clone(),
        }),
    }
}

/// The models that a configuration wants, each as it says.
///
/// # Errors
/// What of it cannot be.
pub fn configuration(
    config: Option<ModelServerConfig>,
) -> Result<BTreeMap<ModelName, ModelOverride>, Fault> {
    let Some(model_server_config::Config::ModelConfigList(list)) =
        config.and_then(|config| config.config)
    else {
        return Err(Fault::invalid("model_config_list is missing"));
    };
    let mut wanted = BTreeMap::new();
    for config in list.config {
        let (name, model) = wanted_model(config)?;
        if wanted.insert(name.clone(), model).is_some() {
            let message = format!("Illegal to list model {name} multiple times in config list");
            return Err(Fault::invalid(message));
        }
    }
    Ok(wanted)
}

fn wanted_model(config: ModelConfig) -> Result<(ModelName, ModelOverride), Fault> {
    let invalid =
        |error: &dyn std::fmt::Display| Fault::invalid(format!("{}: {error}", config.name));
    let name: ModelName = config.name.parse().map_err(|error| invalid(&error))?;
    let last = config.base_path.trim_end_matches('/').rsplit('/').next();
    if last.is_some_and(|last| !last.is_empty() && last != config.name) {
        let words =
            "base_path must end in the model's name: models come from the server's own root";
        return Err(invalid(&words));
    }
    let policy = config
        .model_version_policy
        .and_then(|policy| policy.policy_choice);
    let policy = policy_of(policy).map_err(|error| invalid(&error))?;
    policy.check().map_err(|error| invalid(&error))?;
    let mut labels = BTreeMap::new();
    for (label, version) in &config.version_labels {
        let label = label.parse().map_err(|error| invalid(&error))?;
        let version = version
            .to_string()
            .parse()
            .map_err(|error| invalid(&error))?;
        labels.insert(label, version);
    }
    Ok((name, ModelOverride { policy, labels }))
}

fn policy_of(choice: Option<PolicyChoice>) -> Result<VersionPolicy, String> {
    Ok(match choice {
        None => VersionPolicy::Latest(1),
        Some(PolicyChoice::Latest(latest)) => VersionPolicy::Latest(latest.num_versions.max(1)),
        Some(PolicyChoice::All(_)) => VersionPolicy::All,
        Some(PolicyChoice::Specific(specific)) => {
            let parse = |version: i64| version.to_string().parse();
            let versions = specific.versions.into_iter().map(parse);
            let versions = versions.collect::<Result<_, crate::model::name::NameError>>();
            VersionPolicy::Specific(versions.map_err(|error| error.to_string())?)
        }
    })
}
