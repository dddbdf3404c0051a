//! `POST /v2/models/{model}/infer`.

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    access::caller::Caller,
    error::{ErrorCode, Problem},
    inference::{columns::Column, request::ModelSpec, tensors::InputValue},
    proto::{little_endian, open_inference::BYTES},
    protocols::{
        document::{self, Object},
        nested::{First, Nested},
        open_inference::{
            Elements, from_json,
            infer::{self, Bounds, InferCall, WantedOutput, datatype_of},
            parameters::{self, Parameters},
        },
    },
};

use super::{
    super::{
        admission::{askable, claim_of},
        state::{ApiState, RequestId},
        upload::unpacked_head,
    },
    binary::{self, Body, HEAD_LENGTH},
    describe::spec,
    few::{Few, Scalar},
};

/// Most inputs, of which a model takes one.
const MAX_INPUTS: usize = 64;

/// Most outputs that are asked for.
const MAX_OUTPUTS: usize = 1024;

/// Most axes of an input.
const MAX_AXES: usize = 64;

#[derive(Debug, Deserialize)]
struct InferBody {
    id: Option<String>,
    #[serde(default)]
    parameters: Few<Scalar>,
    inputs: First<Object<InputBody>, { MAX_INPUTS + 1 }>,
    #[serde(default)]
    outputs: First<Object<OutputBody>, { MAX_OUTPUTS + 1 }>,
}

#[derive(Debug, Deserialize)]
struct InputBody {
    name: String,
    shape: First<i64, { MAX_AXES + 1 }>,
    datatype: String,
    #[serde(default)]
    parameters: Few<Scalar>,
    data: Option<Nested>,
}

#[derive(Debug, Deserialize)]
struct OutputBody {
    name: String,
    #[serde(default)]
    parameters: Few<Scalar>,
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
    let request = askable(state, &model, request)?;
    let headers = request.headers().clone();
    let caller = request.extensions().get::<Caller>().cloned();
    let claim = claim_of(&request);
    let head = binary::head_length(&headers);
    let body = unpacked_head(request, &state.limits(), head).await?;
    let read = body.read(move |body| read(&headers, body, model, request_id));
    let (call, id) = read.await??;
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
    let body: InferBody = document::read(&head).map_err(|words| {
        let detail = format!("the body is not JSON as it must be: {words}");
        Problem::new(ErrorCode::MalformedRequest, detail)
    })?;
    let (First(given), First(outputs)) = (body.inputs, body.outputs);
    at_most(MAX_INPUTS, given.len(), "inputs")?;
    at_most(MAX_OUTPUTS, outputs.len(), "outputs")?;
    let mut inputs = Vec::with_capacity(given.len());
    for Object(input) in given {
        inputs.push(read_input(input, &mut tensors)?);
    }
    if !tensors.is_empty() {
        let detail = format!("{} bytes are left behind the last tensor", tensors.len());
        return Err(Problem::new(ErrorCode::MalformedRequest, detail));
    }
    let outputs = outputs.into_iter().map(|Object(output)| WantedOutput {
        name: output.name,
        parameters: output.parameters.parameters(),
    });
    let call = InferCall {
        id: body.id.clone().unwrap_or(request_id),
        model,
        parameters: body.parameters.parameters(),
        inputs,
        outputs: outputs.collect(),
    };
    Ok((call, body.id))
}

fn read_input(input: InputBody, tensors: &mut Bytes) -> Result<(String, InputValue), Problem> {
    let InputBody {
        name,
        shape: First(shape),
        datatype,
        parameters,
        data,
    } = input;
    let in_input = |problem: Problem| problem.in_field(format!("input \"{name}\""));
    at_most(MAX_AXES, shape.len(), "axes").map_err(in_input)?;
    let size = parameters::count(&parameters.parameters(), "binary_data_size")?;
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

fn at_most(most: usize, given: usize, what: &str) -> Result<(), Problem> {
    if given <= most {
        return Ok(());
    }
    let detail = format!("there are more than {most} {what}");
    Err(Problem::new(ErrorCode::MalformedRequest, detail))
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

#[cfg(test)]
mod tests {
    use crate::serving::choice::VersionChoice;

    use super::*;

    fn check(body: &str, expected: Result<usize, &str>) {
        let model = ModelSpec {
            name: "a".parse().expect("a name"),
            version: VersionChoice::Default,
        };
        let body = Bytes::from(body.to_owned());
        let read = read(&HeaderMap::new(), body, model, "id".to_owned());
        match (read, expected) {
            (Ok((call, _)), Ok(inputs)) => assert_eq!(call.inputs.len(), inputs),
            (Err(problem), Err(words)) => {
                assert!(problem.detail.contains(words), "{}", problem.detail);
            }
            (read, expected) => panic!("{read:?} is not {expected:?}"),
        }
    }

    #[test]
    fn what_a_body_lists_is_bounded() {
        let list = |element: &str, count: usize| vec![element; count].join(",");
        let input = |shape: &str| {
            format!(
                "{{\"name\": \"x\", \"shape\": [{shape}], \"datatype\": \"FP32\", \"data\": [1]}}"
            )
        };
        let body = |inputs: &str, outputs: &str| {
            format!("{{\"inputs\": [{inputs}], \"outputs\": [{outputs}]}}")
        };
        let (one, output) = (input("1"), "{\"name\": \"y\"}");
        check(&body(&one, &list(output, MAX_OUTPUTS)), Ok(1));
        check("[null, {}, [], []]", Err("expected an object"));
        check(
            &body("[\"x\", [1], \"FP32\", {}, [1]]", ""),
            Err("expected an object"),
        );
        check(&body(&one, &list(output, 5000)), Err("1024 outputs"));
        check(&body(&list(&one, MAX_INPUTS), ""), Ok(MAX_INPUTS));
        check(&body(&list(&one, 5000), ""), Err("64 inputs"));
        check(&body(&input(&list("1", MAX_AXES)), ""), Ok(1));
        check(&body(&input(&list("1", 5000)), ""), Err("64 axes"));
    }
}
