//! Messages of `ModelInfer` to a call and its answer back.

use bytes::Bytes;
use uuid::Uuid;

use crate::{
    error::{ErrorCode, Problem},
    inference::{
        columns::Column,
        request::ModelSpec,
        tensors::{InputValue, TensorAnswer},
    },
    proto::{
        generated::inference::{
            InferParameter, InferTensorContents, ModelInferRequest, ModelInferResponse,
            infer_parameter::ParameterChoice, model_infer_request::InferInputTensor,
            model_infer_response::InferOutputTensor,
        },
        little_endian,
        open_inference::{BATCH, BYTES, COMPUTE_US, QUEUE_US, dtype},
    },
    protocols::open_inference::{
        Elements,
        infer::{self, InferCall, WantedOutput, datatype_of},
        parameters::{Parameter, Parameters},
    },
    serving::choice::VersionChoice,
    tensor::{DType, TensorData},
};

/// A call out of its message.
pub(super) fn call(message: ModelInferRequest) -> Result<InferCall, Problem> {
    let model = spec(&message.model_name, &message.model_version)?;
    let outputs = message.outputs.into_iter().map(|output| WantedOutput {
        name: output.name,
        parameters: parameters(output.parameters),
    });
    Ok(InferCall {
        id: if message.id.is_empty() {
            Uuid::now_v7().to_string()
        } else {
            message.id
        },
        model,
        parameters: parameters(message.parameters),
        inputs: inputs(message.inputs, message.raw_input_contents)?,
        outputs: outputs.collect(),
    })
}

/// A model and the version of it that is named; the one that answers by default where none is.
pub(in crate::grpc) fn spec(name: &str, version: &str) -> Result<ModelSpec, Problem> {
    let invalid = |field: &str, detail: String| {
        Problem::new(ErrorCode::InvalidModelName, detail).in_field(field)
    };
    let name = name.parse();
    let name = name.map_err(|error| invalid("model_name", format!("{error}")))?;
    let version = if version.is_empty() {
        VersionChoice::Default
    } else {
        let version = version.parse();
        let version = version.map_err(|error| invalid("model_version", format!("{error}")))?;
        VersionChoice::Version(version)
    };
    Ok(ModelSpec { name, version })
}

fn parameters(given: impl IntoIterator<Item = (String, InferParameter)>) -> Parameters {
    let known = given.into_iter().filter_map(|(name, parameter)| {
        let value = match parameter.parameter_choice? {
            ParameterChoice::BoolParam(flag) => Parameter::Bool(flag),
            ParameterChoice::Int64Param(number) => Parameter::Int(number),
            ParameterChoice::StringParam(text) => Parameter::Text(text),
            ParameterChoice::DoubleParam(number) => Parameter::Double(number),
            ParameterChoice::Uint64Param(number) => {
                Parameter::Int(i64::try_from(number).unwrap_or(i64::MAX))
            }
        };
        Some((name, value))
    });
    known.collect()
}

fn inputs(
    tensors: Vec<InferInputTensor>,
    raw: Vec<Bytes>,
) -> Result<Vec<(String, InputValue)>, Problem> {
    let mismatch = |detail: String| Problem::new(ErrorCode::InvalidTensor, detail);
    let is_raw = !raw.is_empty();
    if is_raw && raw.len() != tensors.len() {
        let (buffers, inputs) = (raw.len(), tensors.len());
        let detail = format!("raw_input_contents has {buffers} buffers for {inputs} inputs");
        return Err(mismatch(detail));
    }
    let mut raw = raw.into_iter();
    let mut inputs = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let contents = tensor.contents.unwrap_or_default();
        let elements = match raw.next() {
            Some(_) if contents != InferTensorContents::default() => {
                let detail = "an input has contents or raw_input_contents, not both";
                return Err(mismatch(detail.to_owned()));
            }
            Some(buffer) => Elements::Raw(buffer),
            None => typed(&tensor.datatype, contents)?,
        };
        let input = infer::input(&tensor.name, &tensor.datatype, &tensor.shape, elements)?;
        inputs.push(input);
    }
    Ok(inputs)
}

/// The elements of an input's typed contents.
fn typed(datatype: &str, contents: InferTensorContents) -> Result<Elements, Problem> {
    if datatype == BYTES {
        return Ok(Elements::Bytes(contents.bytes_contents));
    }
    let Some(dtype) = dtype(datatype) else {
        let detail = format!("no model here takes {datatype}");
        return Err(Problem::new(ErrorCode::InvalidTensor, detail));
    };
    Ok(Elements::Numbers(match dtype {
        DType::Float32 => TensorData::F32(contents.fp32_contents),
        DType::Int32 => TensorData::I32(contents.int_contents),
        DType::Int64 => TensorData::I64(contents.int64_contents),
        DType::Uint8 => {
            let bytes = contents.uint_contents.into_iter().map(u8::try_from);
            let bytes = bytes.collect::<Result<_, _>>().map_err(|_| {
                Problem::new(ErrorCode::InvalidTensor, "an element of UINT8 is above 255")
            })?;
            TensorData::U8(bytes)
        }
        DType::Float16 => {
            let detail = "FP16 has no typed contents, it goes in raw_input_contents";
            return Err(Problem::new(ErrorCode::InvalidTensor, detail));
        }
    }))
}

/// The message of an answer: one raw buffer an output.
pub(super) fn response(
    id: String,
    mut answer: TensorAnswer,
    wanted: &[WantedOutput],
) -> Result<ModelInferResponse, Problem> {
    let outputs = infer::outputs(&mut answer, wanted)?;
    let micros = |time: std::time::Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let parameter = |name: &str, number: i64| {
        let parameter_choice = Some(ParameterChoice::Int64Param(number));
        (name.to_owned(), InferParameter { parameter_choice })
    };
    let mut message = ModelInferResponse {
        model_name: answer.version.id.name.to_string(),
        model_version: answer.version.id.version.to_string(),
        id,
        parameters: [
            parameter(QUEUE_US, micros(answer.queue)),
            parameter(COMPUTE_US, micros(answer.compute)),
            parameter(BATCH, i64::try_from(answer.batch).unwrap_or(i64::MAX)),
        ]
        .into(),
        outputs: Vec::with_capacity(outputs.len()),
        raw_output_contents: Vec::with_capacity(outputs.len()),
    };
    for (name, column) in outputs {
        let axes = column.shape().iter();
        message.outputs.push(InferOutputTensor {
            name,
            datatype: datatype_of(&column).to_owned(),
            shape: axes
                .map(|axis| i64::try_from(*axis).unwrap_or(i64::MAX))
                .collect(),
            ..InferOutputTensor::default()
        });
        message.raw_output_contents.push(match &column {
            Column::Tensor(tensor) => little_endian::bytes(tensor),
            Column::Texts { texts, .. } => little_endian::join_texts(texts),
        });
    }
    Ok(message)
}
