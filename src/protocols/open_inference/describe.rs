//! Models as the protocol describes them: metadata, configuration, index, statistics.

use crate::{
    error::{ErrorCode, Problem},
    inference::columns::{self, ColumnInfo},
    model::{contract::input::Layout, served_version::ServedVersion, signature::TensorInfo},
    proto::{
        generated::inference::{
            DataType, ModelConfig, ModelDynamicBatching, ModelInput, ModelMetadataResponse,
            ModelOutput, ModelParameter, ModelVersionPolicy, ServerMetadataResponse,
            model_input::Format, model_metadata_response::TensorMetadata, model_version_policy,
            repository_index_response::ModelIndex,
        },
        open_inference::{BYTES, datatype},
    },
    serving::state::{ModelStatus, State, VersionStatus},
    tensor::DType,
};

/// What models are, in Triton's words.
const PLATFORM: &str = "onnxruntime_onnx";

/// The server.
#[must_use]
pub fn server() -> ServerMetadataResponse {
    let extensions = [
        "classification",
        "model_repository",
        "model_repository(unload_dependents)",
        "model_configuration",
        "statistics",
        "binary_tensor_data",
        "parameters",
    ];
    ServerMetadataResponse {
        name: "ocellus".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extensions: extensions.map(str::to_owned).into(),
    }
}

/// A model's versions, inputs and outputs.
#[must_use]
pub fn metadata(model: &ModelStatus, version: &ServedVersion) -> ModelMetadataResponse {
    let serving = model
        .versions
        .iter()
        .filter(|status| status.served.is_some());
    let tensor = |info: &TensorInfo| TensorMetadata {
        name: info.name.clone(),
        datatype: info
            .dtype
            .map_or(String::new(), |dtype| datatype(dtype).to_owned()),
        shape: shape(&info.shape),
    };
    ModelMetadataResponse {
        name: model.name.to_string(),
        versions: serving.map(|status| status.version.to_string()).collect(),
        platform: PLATFORM.to_owned(),
        inputs: version.signature.inputs.iter().map(tensor).collect(),
        outputs: version.signature.outputs.iter().map(tensor).collect(),
    }
}

fn shape(axes: &[Option<u64>]) -> Vec<i64> {
    let axis = |axis: &Option<u64>| axis.map_or(-1, |axis| i64::try_from(axis).unwrap_or(-1));
    axes.iter().map(axis).collect()
}

/// How a version is run. Its parameters say what becomes of a picture.
#[must_use]
pub fn config(version: &ServedVersion) -> ModelConfig {
    let contract = &version.contract;
    let format = match contract.input.layout {
        Layout::Nchw => Format::Nchw,
        Layout::Nhwc => Format::Nhwc,
    };
    let behind_batch = |info: &TensorInfo| shape(info.shape.get(1..).unwrap_or_default());
    let input = |info: &TensorInfo| ModelInput {
        name: info.name.clone(),
        data_type: data_type(info.dtype).into(),
        format: format.into(),
        dims: behind_batch(info),
    };
    let output = |info: &TensorInfo| ModelOutput {
        name: info.name.clone(),
        data_type: data_type(info.dtype).into(),
        dims: behind_batch(info),
        label_filename: contract.output.labels.clone(),
    };
    let batching = &contract.batching;
    let preferred = batching.preferred_batch_sizes.iter();
    let policy = model_version_policy::Specific {
        versions: vec![version.id.version.get()],
    };
    ModelConfig {
        name: version.id.name.to_string(),
        platform: PLATFORM.to_owned(),
        version_policy: Some(ModelVersionPolicy {
            policy_choice: Some(model_version_policy::PolicyChoice::Specific(policy)),
        }),
        max_batch_size: i32::try_from(version.max_batch_size).unwrap_or(i32::MAX),
        input: version.signature.inputs.iter().map(input).collect(),
        output: version.signature.outputs.iter().map(output).collect(),
        instance_group: Vec::new(),
        default_model_filename: "model.onnx".to_owned(),
        dynamic_batching: Some(ModelDynamicBatching {
            preferred_batch_size: preferred
                .filter_map(|size| i32::try_from(*size).ok())
                .collect(),
            max_queue_delay_microseconds: batching.max_delay_us.into(),
        }),
        parameters: parameters(version).into_iter().collect(),
        backend: "onnxruntime".to_owned(),
    }
}

/// What a picture, sent as an input of type BYTES, gets.
fn parameters(version: &ServedVersion) -> [(String, ModelParameter); 3] {
    let text = |name: &str, string_value: String| {
        let value = ModelParameter { string_value };
        (name.to_owned(), value)
    };
    let column = |column: &ColumnInfo| {
        let datatype = column.dtype.map_or(BYTES, datatype);
        format!("{} {datatype} {:?}", column.name, shape(&column.shape))
    };
    let columns: Vec<String> = columns::described(version).iter().map(column).collect();
    [
        text("task", version.contract.task.as_str().to_owned()),
        text("digest", version.digest.clone()),
        text("picture_outputs", columns.join("; ")),
    ]
}

fn data_type(dtype: Option<DType>) -> DataType {
    match dtype {
        None => DataType::TypeInvalid,
        Some(DType::Float32) => DataType::TypeFp32,
        Some(DType::Float16) => DataType::TypeFp16,
        Some(DType::Uint8) => DataType::TypeUint8,
        Some(DType::Int32) => DataType::TypeInt32,
        Some(DType::Int64) => DataType::TypeInt64,
    }
}

/// Every version of some models; only those that serve where `ready`.
#[must_use]
pub fn index(models: &[ModelStatus], ready: bool) -> Vec<ModelIndex> {
    let of_model = |model: &ModelStatus| {
        let name = model.name.to_string();
        let versions = model.versions.iter();
        let wanted = versions.filter(|status| !ready || status.served.is_some());
        let entry = wanted.map(|status| ModelIndex {
            name: name.clone(),
            version: status.version.to_string(),
            state: repository_state(status).to_owned(),
            reason: status.message.clone(),
        });
        entry.collect::<Vec<_>>()
    };
    models.iter().flat_map(of_model).collect()
}

fn repository_state(status: &VersionStatus) -> &'static str {
    match status.state {
        State::Available => "READY",
        State::Loading => "LOADING",
        State::Unloading => "UNLOADING",
        State::Start | State::End => "UNAVAILABLE",
    }
}

/// Holds the parameters of a load against what can be done: a model comes out of the root as it is.
///
/// # Errors
/// When one would change it.
pub fn check_load<'a>(mut names: impl Iterator<Item = &'a String>) -> Result<(), Problem> {
    match names.find(|name| *name == "config" || name.starts_with("file:")) {
        None => Ok(()),
        Some(name) => {
            let detail =
                "models and their contracts come out of the root; publish a version instead";
            Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(name.as_str()))
        }
    }
}
