//! Models as they stand, to the catalogue's messages and back.

use std::sync::Arc;

use crate::{
    model::{
        contract::Contract,
        labels::Labels,
        name::{Label as LabelName, ModelName, Version as VersionNumber},
        served_version::{ServableId, ServedVersion},
        signature::{Signature, TensorInfo as GraphTensor},
    },
    proto::{
        generated::ocellus::{Label, Model, Served, State as Said, TensorInfo, Version},
        open_inference::{datatype, dtype},
    },
    serving::state::{LabelStatus, ModelStatus, State, VersionStatus},
};

/// Why a message of the catalogue cannot be understood: its sender is of another kind or age.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of the catalogue: {reason}")]
pub struct CatalogError {
    field: &'static str,
    reason: String,
}

fn fault(field: &'static str) -> impl Fn(String) -> CatalogError {
    move |reason| CatalogError { field, reason }
}

/// A model as its message.
#[must_use]
pub fn model(status: &ModelStatus) -> Model {
    let label = |label: &LabelStatus| Label {
        label: label.label.to_string(),
        target: label.target.get(),
        version: label.version.map(VersionNumber::get),
    };
    Model {
        name: status.name.to_string(),
        versions: status.versions.iter().map(version).collect(),
        labels: status.labels.iter().map(label).collect(),
        faults: status.faults.clone(),
    }
}

fn version(status: &VersionStatus) -> Version {
    let state = match status.state {
        State::Start => Said::Start,
        State::Loading => Said::Loading,
        State::Available => Said::Available,
        State::Unloading => Said::Unloading,
        State::End => Said::End,
    };
    Version {
        version: status.version.get(),
        state: state.into(),
        message: status.message.clone(),
        served: status.served.as_deref().map(served),
    }
}

fn served(version: &ServedVersion) -> Served {
    let tensor = |tensor: &GraphTensor| TensorInfo {
        name: tensor.name.clone(),
        datatype: tensor
            .dtype
            .map_or(String::new(), |dtype| datatype(dtype).to_owned()),
        shape: tensor
            .shape
            .iter()
            .map(|axis| axis.map_or(-1, |axis| i64::try_from(axis).unwrap_or(-1)))
            .collect(),
    };
    Served {
        load_id: version.load_id.clone(),
        digest: version.digest.clone(),
        // A contract was read out of text and is written back as text.
        contract_json: serde_json::to_string(&version.contract).unwrap_or_default(),
        labels: version.labels.names().to_vec(),
        inputs: version.signature.inputs.iter().map(tensor).collect(),
        outputs: version.signature.outputs.iter().map(tensor).collect(),
        max_batch_size: version.max_batch_size as u64,
    }
}

/// A model out of its message.
///
/// # Errors
/// What of it cannot be understood.
pub(super) fn status(model: Model) -> Result<ModelStatus, CatalogError> {
    let name: ModelName = model
        .name
        .parse()
        .map_err(|e| fault("name")(format!("{e}")))?;
    let versions = model
        .versions
        .into_iter()
        .map(|version| version_status(&name, version));
    let versions = versions.collect::<Result<_, _>>()?;
    let labels = model.labels.iter().map(label_status);
    let labels = labels.collect::<Result<_, _>>()?;
    Ok(ModelStatus {
        name,
        versions,
        labels,
        faults: model.faults,
    })
}

fn number(version: i64) -> Result<VersionNumber, CatalogError> {
    let parsed = version.to_string().parse();
    parsed.map_err(|error| fault("version")(format!("{error}")))
}

fn label_status(label: &Label) -> Result<LabelStatus, CatalogError> {
    let name: LabelName = label
        .label
        .parse()
        .map_err(|e| fault("label")(format!("{e}")))?;
    Ok(LabelStatus {
        label: name,
        target: number(label.target)?,
        version: label.version.map(number).transpose()?,
    })
}

fn version_status(name: &ModelName, version: Version) -> Result<VersionStatus, CatalogError> {
    let state = match version.state() {
        Said::Start | Said::Unknown => State::Start,
        Said::Loading => State::Loading,
        Said::Available => State::Available,
        Said::Unloading => State::Unloading,
        Said::End => State::End,
    };
    let number = number(version.version)?;
    let id = ServableId {
        name: name.clone(),
        version: number,
    };
    let served = version.served.map(|served| served_version(id, served));
    Ok(VersionStatus {
        version: number,
        state,
        message: version.message,
        served: served.transpose()?.map(Arc::new),
    })
}

fn served_version(id: ServableId, served: Served) -> Result<ServedVersion, CatalogError> {
    let contract: Contract = serde_json::from_str(&served.contract_json)
        .map_err(|error| fault("contract_json")(error.to_string()))?;
    let tensor = |tensor: TensorInfo| GraphTensor {
        name: tensor.name,
        dtype: dtype(&tensor.datatype),
        shape: tensor
            .shape
            .into_iter()
            .map(|axis| u64::try_from(axis).ok())
            .collect(),
    };
    let signature = Signature {
        inputs: served.inputs.into_iter().map(tensor).collect(),
        outputs: served.outputs.into_iter().map(tensor).collect(),
    };
    let bindings = contract
        .bind(&signature)
        .map_err(|error| fault("contract_json")(error.to_string()))?;
    let labels = Labels::parse(&served.labels.join("\n"))
        .map_err(|error| fault("labels")(error.to_string()))?;
    Ok(ServedVersion {
        id,
        load_id: served.load_id,
        digest: served.digest,
        contract,
        labels,
        signature,
        bindings,
        max_batch_size: usize::try_from(served.max_batch_size).unwrap_or(usize::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::DType;

    const CONTRACTS: [&str; 4] = [
        include_str!("../../tests/models/colors/1/model.toml"),
        include_str!("../../tests/models/spots_any/1/model.toml"),
        include_str!("../../assets/models/detector/1/model.toml"),
        include_str!("../../assets/models/faces/1/model.toml"),
    ];

    fn tensor(name: &str, shape: &[Option<u64>]) -> GraphTensor {
        GraphTensor {
            name: name.to_owned(),
            dtype: Some(DType::Float32),
            shape: shape.to_vec(),
        }
    }

    /// A model with a version that serves by a contract, and a label for it.
    fn model_of(contract: &str) -> ModelStatus {
        let contract = Contract::parse(contract).expect("a contract");
        let input = contract
            .input
            .tensor
            .clone()
            .unwrap_or_else(|| "x".to_owned());
        let named = &contract.output.tensors;
        let names = [
            &named.scores,
            &named.boxes,
            &named.keypoints,
            &named.detections,
        ];
        let roles = ["scores", "boxes", "keypoints", "detections"];
        let outputs = names.into_iter().zip(roles);
        let outputs = outputs.map(|(name, role)| tensor(name.as_deref().unwrap_or(role), &[]));
        let mut input = tensor(&input, &[None; 4]);
        input.dtype = Some(contract.input.dtype);
        let signature = Signature {
            inputs: vec![input],
            outputs: outputs.collect(),
        };
        let bindings = contract.bind(&signature).expect("it fits");
        let id = ServableId {
            name: "cat".parse().expect("a name"),
            version: "3".parse().expect("a version"),
        };
        let mut model = ModelStatus::new(id.name.clone());
        model.faults.push("a folder is no version".to_owned());
        model.labels.push(LabelStatus {
            label: "stable".parse().expect("a label"),
            target: id.version,
            version: None,
        });
        model.versions.push(VersionStatus {
            version: id.version,
            state: State::Available,
            message: String::new(),
            served: Some(Arc::new(ServedVersion {
                id,
                load_id: "one".to_owned(),
                digest: "sha256:00".to_owned(),
                contract,
                labels: Labels::parse("cat\ndog").expect("labels"),
                signature,
                bindings,
                max_batch_size: 8,
            })),
        });
        model
    }

    #[test]
    fn a_model_is_the_same_at_the_other_end() {
        for contract in CONTRACTS {
            let sent = model_of(contract);
            let got = status(model(&sent)).expect("understood");
            assert_eq!(
                (&got.name, &got.labels, &got.faults),
                (&sent.name, &sent.labels, &sent.faults)
            );
            let served =
                |model: &ModelStatus| model.versions.first().and_then(|v| v.served.clone());
            assert_eq!(served(&got), served(&sent));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let mut message = model(&model_of(CONTRACTS[0]));
        if let Some(served) = message.versions.first_mut().and_then(|v| v.served.as_mut()) {
            "{}".clone_into(&mut served.contract_json);
        }
        let error = status(message).expect_err("has no task");
        assert!(
            error
                .to_string()
                .starts_with("contract_json of the catalogue"),
            "{error}"
        );
    }
}
