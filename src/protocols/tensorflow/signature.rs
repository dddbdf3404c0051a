//! The signatures of a model.

use tonic::Code;

use crate::{
    error::ErrorCode,
    inference::columns,
    model::{contract::Task, served_version::ServedVersion, signature::TensorInfo as GraphTensor},
    proto::generated::tensorflow::{
        DataType, SignatureDef, TensorInfo, TensorShapeProto, tensor_info::Encoding,
        tensor_shape_proto::Dim,
    },
    tensor::DType,
};

use super::fault::Fault;

/// The signature that answers where none is named.
pub const DEFAULT: &str = "serving_default";

/// The signature that takes encoded pictures.
pub const PICTURES: &str = "pictures";

/// The signature for Classify, of models that classify.
pub const CLASSIFY: &str = "classification";

/// The name of the input that takes encoded pictures. Any other does as well.
pub const PICTURE_INPUT: &str = "image_bytes";

/// What a regression is answered.
pub const NO_REGRESSION: &str = "Expected regression signature method_name to be \
    tensorflow/serving/regress, no model of pictures has one";

/// The name of a signature that is called to predict, with the default in the place of none.
///
/// # Errors
/// When no model has it.
pub fn predict(name: &str) -> Result<&'static str, Fault> {
    match name {
        "" | DEFAULT => Ok(DEFAULT),
        PICTURES => Ok(PICTURES),
        _ => Err(unknown(name)),
    }
}

/// As [`predict`], in the words of the REST interface.
///
/// # Errors
/// When no model has it.
pub fn predict_rest(name: &str) -> Result<&'static str, Fault> {
    predict(name).map_err(|_| Fault {
        kind: ErrorCode::InvalidOption,
        ..Fault::invalid(format!(
            "Serving signature name: \"{name}\" not found in signature def"
        ))
    })
}

/// Checks a signature that is called to classify.
///
/// # Errors
/// When the model does not classify, or has no such signature.
pub fn classify(name: &str, version: &ServedVersion) -> Result<&'static str, Fault> {
    if !matches!(name, "" | DEFAULT | PICTURES | CLASSIFY) {
        return Err(unknown(name));
    }
    if version.contract.task != Task::Classification {
        let task = version.contract.task.as_str();
        let message = format!(
            "Expected classification signature method_name to be tensorflow/serving/classify. \
             Was: tensorflow/serving/predict (the model's task is {task})"
        );
        return Err(Fault::invalid(message));
    }
    Ok(CLASSIFY)
}

fn unknown(name: &str) -> Fault {
    Fault {
        code: Code::FailedPrecondition,
        kind: ErrorCode::InvalidOption,
        message: format!("Serving signature key \"{name}\" not found."),
    }
}

/// Every signature of a model, by name.
#[must_use]
pub fn all(version: &ServedVersion) -> Vec<(String, SignatureDef)> {
    let graph = |tensors: &[GraphTensor]| {
        let each = tensors.iter().map(|tensor| {
            let dtype = tensor.dtype.map_or(DataType::DtInvalid, data_type);
            (
                tensor.name.clone(),
                info(&tensor.name, dtype, &tensor.shape),
            )
        });
        each.collect()
    };
    let default = SignatureDef {
        inputs: graph(&version.signature.inputs),
        outputs: graph(&version.signature.outputs),
        method_name: "tensorflow/serving/predict".to_owned(),
    };
    let results = columns::described(version).into_iter().map(|column| {
        let dtype = column.dtype.map_or(DataType::DtString, data_type);
        (
            column.name.to_owned(),
            info(column.name, dtype, &column.shape),
        )
    });
    let input = info(PICTURE_INPUT, DataType::DtString, &[None]);
    let pictures = SignatureDef {
        inputs: [(PICTURE_INPUT.to_owned(), input.clone())].into(),
        outputs: results.collect(),
        method_name: "tensorflow/serving/predict".to_owned(),
    };
    let mut signatures = vec![
        (DEFAULT.to_owned(), default),
        (PICTURES.to_owned(), pictures),
    ];
    if version.contract.task == Task::Classification {
        let column = |name: &str, dtype| (name.to_owned(), info(name, dtype, &[None, None]));
        let classify = SignatureDef {
            inputs: [("inputs".to_owned(), input)].into(),
            outputs: [
                column("classes", DataType::DtString),
                column("scores", DataType::DtFloat),
            ]
            .into(),
            method_name: "tensorflow/serving/classify".to_owned(),
        };
        signatures.push((CLASSIFY.to_owned(), classify));
    }
    signatures
}

fn info(name: &str, dtype: DataType, shape: &[Option<u64>]) -> TensorInfo {
    let dim = |axis: &Option<u64>| Dim {
        size: axis.map_or(-1, |axis| i64::try_from(axis).unwrap_or(-1)),
        name: String::new(),
    };
    TensorInfo {
        encoding: Some(Encoding::Name(name.to_owned())),
        dtype: dtype.into(),
        tensor_shape: Some(TensorShapeProto {
            dim: shape.iter().map(dim).collect(),
            unknown_rank: false,
        }),
    }
}

/// TensorFlow's name of an element type.
#[must_use]
pub const fn data_type(dtype: DType) -> DataType {
    match dtype {
        DType::Float32 => DataType::DtFloat,
        DType::Float16 => DataType::DtHalf,
        DType::Uint8 => DataType::DtUint8,
        DType::Int32 => DataType::DtInt32,
        DType::Int64 => DataType::DtInt64,
    }
}
