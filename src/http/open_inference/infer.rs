//! `POST /v2/models/{model}/infer`.

use std::collections::BTreeMap;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    access::caller::Caller,
    error::{ErrorCode, Problem},
    inference::{columns::Column, request::ModelSpec, tensors::InputValue},
    proto::{little_endian, open_inference::BYTES},
    protocols::{
        nested::Nested,
        open_inference::{
            Elements, from_json,
            infer::{self, Bounds, InferCall, WantedOutput, datatype_of},
            parameters::{self, Parameter, Parameters},
        },
    },
};

use super::{
    super::{
        admission::claim_of,
        state::{ApiState, RequestId},
        upload::unpacked,
    },
    binary::{self, Body, HEAD_LENGTH},
    describe::spec,
};

#[derive(Debug, Deserialize)]
struct InferBody {
    id: Option<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
    inputs: Vec<InputBody>,
    #[serde(default)]
    outputs: Vec<OutputBody>,
}

#[derive(Debug, Deserialize)]
struct InputBody {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    data: Option<Nested>,
}

#[derive(Debug, Deserialize)]
struct OutputBody {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

/// `POST /v2/models/{model}/infer`.
pub(super) async fn model(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    counted(&state, spec(&name, None)?, id, request).await
}

/// `POST /v2/models/{model}/versions/{version}/infer`.
pub(super) async fn version(
    State(state): State<ApiState>,
    Path((name, version)): Path<(String, String)>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    counted(&state, spec(&name, Some(&version))?, id, request).await
}

/// Answers a request, and counts it by how it ended.
async fn counted(
    state: &ApiState,
    model: ModelSpec,
    id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let asked = model.clone();
    let work = answer(state, model, id, request);
    state
        .service
        .counted(&asked, work, |problem| problem.code)
        .await
}

async fn answer(
    state: &ApiState,
    model: ModelSpec,
    RequestId(request_id): RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let caller = request.extensions().get::<Caller>().cloned();
    let claim = claim_of(&request);
    let body = unpacked(request, &state.limits()).await?;
    let (call, id) = read(&headers, body, model, request_id)?;
    let binary = parameters::flag(&call.parameters, "binary_data_output")?;
    let wish = call.wish()?;
    let claim = match caller {
        Some(caller) => caller
            .claim(wish.or(Some(claim.priority)))?
            .until(claim.deadline),
        None => claim,
    };
    let bounds = Bounds {
        claim,
        pictures: state.limits().images,
    };
    let (request, wanted) = call.request(bounds)?;
    let mut answer = state.service.run(request).await?;
    let outputs = infer::outputs(&mut answer, &wanted)?;
    let mut tensors = BytesMut::new();
    let mut described = Vec::with_capacity(outputs.len());
    for (index, (name, column)) in outputs.iter().enumerate() {
        let own = wanted.get(index).map(|wanted| &wanted.parameters);
        let own = own.filter(|own| own.contains_key("binary_data"));
        let binary = own.map_or(Ok(binary), |own| parameters::flag(own, "binary_data"))?;
        described.push(output(name, column, binary.then_some(&mut tensors)));
    }
    let mut head = json!({
        "model_name": answer.version.id.name,
        "model_version": answer.version.id.version.to_string(),
        "outputs": described,
    });
    if let (Some(id), Some(head)) = (id, head.as_object_mut()) {
        head.insert("id".to_owned(), id.into());
    }
    Ok(respond(head.to_string().into_bytes(), &tensors))
}

/// A call out of a body, and the id that its client gave.
fn read(
    headers: &HeaderMap,
    body: Bytes,
    model: ModelSpec,
    request_id: String,
) -> Result<(InferCall, Option<String>), Problem> {
    let (head, mut tensors) = match binary::part(headers, body)? {
        Body::Json(head, tensors) => (head, tensors),
        Body::Raw(picture) => {
            let call = InferCall {
                id: request_id,
                model,
                parameters: Parameters::new(),
                inputs: vec![("image".to_owned(), InputValue::Pictures(vec![picture]))],
                outputs: Vec::new(),
            };
            return Ok((call, None));
        }
    };
    let body: InferBody = serde_json::from_slice(&head).map_err(|error| {
        let detail = format!("the body is not JSON as it must be: {error}");
        Problem::new(ErrorCode::MalformedRequest, detail)
    })?;
    let mut inputs = Vec::with_capacity(body.inputs.len());
    for input in body.inputs {
        inputs.push(read_input(input, &mut tensors)?);
    }
    if !tensors.is_empty() {
        let detail = format!("{} bytes are left behind the last tensor", tensors.len());
        return Err(Problem::new(ErrorCode::MalformedRequest, detail));
    }
    let outputs = body.outputs.into_iter().map(|output| WantedOutput {
        name: output.name,
        parameters: parameters_of(output.parameters),
    });
    let call = InferCall {
        id: body.id.clone().unwrap_or(request_id),
        model,
        parameters: parameters_of(body.parameters),
        inputs,
        outputs: outputs.collect(),
    };
    Ok((call, body.id))
}

fn read_input(input: InputBody, tensors: &mut Bytes) -> Result<(String, InputValue), Problem> {
    let InputBody {
        name,
        shape,
        datatype,
        parameters,
        data,
    } = input;
    let in_input = |problem: Problem| problem.in_field(format!("input \"{name}\""));
    let size = parameters::count(&parameters_of(parameters), "binary_data_size")?;
    let elements = match (size, data) {
        (Some(size), None) => Elements::Raw(binary::take(tensors, size, &name)?),
        (None, Some(data)) => from_json(&datatype, data).map_err(in_input)?,
        (Some(_), Some(_)) | (None, None) => {
            let detail = "it needs data or the parameter binary_data_size, not both";
            return Err(in_input(Problem::new(ErrorCode::MalformedRequest, detail)));
        }
    };
    infer::input(&name, &datatype, &shape, elements)
}

fn parameters_of(given: Map<String, Value>) -> Parameters {
    let known = given.into_iter().filter_map(|(name, value)| {
        let value = match value {
            Value::Bool(flag) => Parameter::Bool(flag),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Parameter::Int(number),
                None => Parameter::Double(number.as_f64()?),
            },
            Value::String(text) => Parameter::Text(text),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((name, value))
    });
    known.collect::<BTreeMap<_, _>>()
}

/// An output's description; its elements behind the head where there is a place for them, else in
/// it.
fn output(name: &str, column: &Column, tensors: Option<&mut BytesMut>) -> Value {
    let datatype = datatype_of(column);
    let mut described = json!({ "name": name, "datatype": datatype, "shape": column.shape() });
    let (key, value) = match tensors {
        Some(tensors) => {
            let raw = match column {
                Column::Tensor(tensor) => little_endian::bytes(tensor),
                Column::Texts { texts, .. } => little_endian::join_texts(texts),
            };
            tensors.extend_from_slice(&raw);
            ("parameters", json!({ "binary_data_size": raw.len() }))
        }
        None => ("data", elements(column)),
    };
    if let Some(described) = described.as_object_mut() {
        described.insert(key.to_owned(), value);
    }
    debug_assert!(datatype == BYTES || matches!(column, Column::Tensor(_)));
    described
}

/// The elements, flat. JSON knows no NaN and no infinity: they are null.
fn elements(column: &Column) -> Value {
    use crate::tensor::TensorData;
    match column {
        Column::Texts { texts, .. } => json!(texts),
        Column::Tensor(tensor) => match tensor.data() {
            TensorData::F32(elements) => json!(elements),
            TensorData::F16(_) => json!(tensor.to_f32()),
            TensorData::U8(elements) => json!(elements),
            TensorData::I32(elements) => json!(elements),
            TensorData::I64(elements) => json!(elements),
        },
    }
}

fn respond(head: Vec<u8>, tensors: &[u8]) -> Response {
    if tensors.is_empty() {
        return ([(header::CONTENT_TYPE, "application/json")], head).into_response();
    }
    let length = HeaderValue::from(head.len());
    let mut body = BytesMut::from(head.as_slice());
    body.extend_from_slice(tensors);
    let mut response = body.freeze().into_response();
    response.headers_mut().insert(HEAD_LENGTH, length);
    response
}
