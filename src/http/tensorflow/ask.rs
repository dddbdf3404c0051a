//! `:predict`, `:classify` and `:regress`.

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};

use crate::{
    fairness::claim::Claim,
    inference::{
        options::InferOptions,
        request::ModelSpec,
        tensors::{InputValue, TensorAnswer, TensorRequest},
    },
    protocols::tensorflow::{examples, fault::Fault, json, signature},
};

use super::{
    super::{
        admission::{askable, claim_of, drain},
        dialect::fault,
        state::{ApiState, RequestId},
        upload::unpacked,
    },
    classify::classify,
    target::{By, Verb, part, spec},
};

/// `POST /v1/models/{model}:predict`.
pub(super) async fn model(
    State(state): State<ApiState>,
    Path(last): Path<String>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let target = part(&last).and_then(|(name, verb)| Ok((spec(name, By::Default)?, verb)));
    answer(&state, target, id, request).await
}

/// `POST /v1/models/{model}/versions/{version}:predict`.
pub(super) async fn version(
    State(state): State<ApiState>,
    Path((name, last)): Path<(String, String)>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let target = part(&last);
    let target = target.and_then(|(version, verb)| Ok((spec(&name, By::Version(version))?, verb)));
    answer(&state, target, id, request).await
}

/// `POST /v1/models/{model}/labels/{label}:predict`.
pub(super) async fn label(
    State(state): State<ApiState>,
    Path((name, last)): Path<(String, String)>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let target = part(&last);
    let target = target.and_then(|(label, verb)| Ok((spec(&name, By::Label(label))?, verb)));
    answer(&state, target, id, request).await
}

/// Answers a request, and counts it by how it ended.
async fn answer(
    state: &ApiState,
    target: Result<(ModelSpec, Verb), Fault>,
    id: RequestId,
    request: Request,
) -> Response {
    let claim = claim_of(&request);
    let answered = match target {
        Ok((model, verb)) => {
            let asked = model.clone();
            let work = ask(state, (model, verb), (id, claim), request);
            state
                .service
                .counted(&asked, work, |fault| fault.kind)
                .await
        }
        Err(fault) => {
            drain(request);
            Err(fault)
        }
    };
    match answered {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(refused) => fault(&refused),
    }
}

async fn ask(
    state: &ApiState,
    (model, verb): (ModelSpec, Verb),
    asked: (RequestId, Claim),
    request: Request,
) -> Result<String, Fault> {
    let request = askable(state, &model, request);
    let request = request.map_err(|problem| Fault::of(&problem, &model))?;
    let body = unpacked(request, &state.limits()).await;
    let body = body.map_err(|problem| Fault::from(&problem))?;
    let servable = state.service.core().servable(&model.name, &model.version);
    let servable = servable.map_err(|problem| Fault::of(&problem, &model))?;
    match verb {
        Verb::Predict => {
            let read = body.read(|body| json::predict(&body)).await;
            let predict = read.map_err(|problem| Fault::from(&problem))??;
            signature::predict_rest(&predict.signature)?;
            let format = predict.format;
            let input = predict.input(&servable.version)?;
            let answer = run(state, model, asked, input).await?;
            json::predictions(&answer.outputs, format)
        }
        Verb::Classify => {
            let read = body.read(|body| classify(&body)).await;
            let (name, examples) = read.map_err(|problem| Fault::from(&problem))??;
            signature::classify(&name, &servable.version)?;
            let pictures = InputValue::Pictures(examples::pictures(Some(examples))?);
            let input = (signature::PICTURE_INPUT.to_owned(), pictures);
            let answer = run(state, model, asked, input).await?;
            Ok(json::classes(&examples::classes(&answer)))
        }
        Verb::Regress => Err(Fault::invalid(signature::NO_REGRESSION)),
    }
}

async fn run(
    state: &ApiState,
    model: ModelSpec,
    (id, claim): (RequestId, Claim),
    input: (String, InputValue),
) -> Result<TensorAnswer, Fault> {
    let asked = model.clone();
    let request = TensorRequest {
        id: id.0,
        model,
        load_id: None,
        inputs: vec![input],
        outputs: Vec::new(),
        options: InferOptions::default(),
        max_pictures: state.limits().images,
        claim,
    };
    let answer = state.service.run(request).await;
    answer.map_err(|problem| Fault::of(&problem, &asked))
}
