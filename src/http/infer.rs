//! `POST …/infer`: pictures in, what the model sees in them out.

use std::time::Instant;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use crate::{
    error::{ErrorCode, Problem, ProblemDocument},
    inference::{
        answer::{ImageOutcome, InferAnswer, StageTimes, milliseconds},
        inferred::Inference,
        memory::Held,
        request::{InferRequest, ModelSpec, Wanted},
        service::InferenceService,
    },
    postprocess::render::PictureEncoding,
    serving::choice::VersionChoice,
};

use super::{
    accept::{self, AnswerForm},
    admission::{ClaimHeaders, askable, claim_of},
    path::{parse_label, parse_name, parse_version},
    state::{ApiState, RequestId},
    upload::{self, InferForm, InferJson, InferOptionsQuery},
};

/// Asks a model: its version labelled `stable`, or else its newest that can serve.
///
/// Send one or many pictures as `multipart/form-data`, one as a raw `image/*` body, or as JSON.
/// Each picture of a request with several has its own fate; a request with a single picture that
/// cannot be answered is answered with that picture's problem. Ask for `image/png` or
/// `image/jpeg` in `Accept` to get a single picture back with its results drawn in.
#[utoipa::path(
    post, path = "/v1/models/{model}/infer", tag = "inference",
    params(
        ("model" = String, Path, description = "Model name"),
        InferOptionsQuery,
        ClaimHeaders,
    ),
    request_body(content(
        (InferForm = "multipart/form-data"),
        (InferJson = "application/json"),
        (Vec<u8> = "image/*"),
    )),
    responses(
        (status = 200, description = "What the model sees", content(
            (InferAnswer = "application/json"),
            (Vec<u8> = "image/png"),
            (Vec<u8> = "image/jpeg"),
        )),
        (status = 400, description = "malformed_request, no_image, invalid_option, \
         invalid_model_name", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "unauthenticated", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 403, description = "permission_denied, url_refused", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 404, description = "model_not_found", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 406, description = "not_acceptable", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 408, description = "body_too_slow", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 413, description = "body_too_large, too_many_images, image_too_large",
         body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "unsupported_media_type, unsupported_image_format",
         body = ProblemDocument, content_type = "application/problem+json"),
        (status = 422, description = "undecodable_image, unsupported_image_size, url_unreachable",
         body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "rate_limited, quota_exceeded, queue_full", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 500, description = "inference_failed, internal", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 503, description = "model_not_ready, overloaded, \
         core_unavailable", body = ProblemDocument,
         content_type = "application/problem+json"),
        (status = 504, description = "deadline_exceeded", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn infer(
    State(state): State<ApiState>,
    Path(model): Path<String>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let model = ModelSpec {
        name: parse_name(&model)?,
        version: VersionChoice::Default,
    };
    answer(&state, model, id, request).await
}

/// Asks one version of a model. Otherwise like the path without a version.
#[utoipa::path(
    post, path = "/v1/models/{model}/versions/{version}/infer", tag = "inference",
    params(
        ("model" = String, Path, description = "Model name"),
        ("version" = i64, Path, minimum = 1, description = "Version of the model"),
        InferOptionsQuery,
        ClaimHeaders,
    ),
    request_body(content(
        (InferForm = "multipart/form-data"),
        (InferJson = "application/json"),
        (Vec<u8> = "image/*"),
    )),
    responses(
        (status = 200, description = "What the model sees", content(
            (InferAnswer = "application/json"),
            (Vec<u8> = "image/png"),
            (Vec<u8> = "image/jpeg"),
        )),
        (status = "4XX", description = "As without a version, and version_not_found",
         body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "As without a version", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn infer_version(
    State(state): State<ApiState>,
    Path((model, version)): Path<(String, String)>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let version = VersionChoice::Version(parse_version(&version)?);
    let model = ModelSpec {
        name: parse_name(&model)?,
        version,
    };
    answer(&state, model, id, request).await
}

/// Asks the version of a model that a label names. Otherwise like the path without a version.
#[utoipa::path(
    post, path = "/v1/models/{model}/labels/{label}/infer", tag = "inference",
    params(
        ("model" = String, Path, description = "Model name"),
        ("label" = String, Path, description = "Label of the model, like canary"),
        InferOptionsQuery,
        ClaimHeaders,
    ),
    request_body(content(
        (InferForm = "multipart/form-data"),
        (InferJson = "application/json"),
        (Vec<u8> = "image/*"),
    )),
    responses(
        (status = 200, description = "What the model sees", content(
            (InferAnswer = "application/json"),
            (Vec<u8> = "image/png"),
            (Vec<u8> = "image/jpeg"),
        )),
        (status = "4XX", description = "As without a version, and label_not_found",
         body = ProblemDocument, content_type = "application/problem+json"),
        (status = "5XX", description = "As without a version", body = ProblemDocument,
         content_type = "application/problem+json"),
    ),
)]
pub(super) async fn infer_label(
    State(state): State<ApiState>,
    Path((model, label)): Path<(String, String)>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Result<Response, Problem> {
    let version = VersionChoice::Label(parse_label(&label)?);
    let model = ModelSpec {
        name: parse_name(&model)?,
        version,
    };
    answer(&state, model, id, request).await
}

/// Answers a request, and counts it by how it ended.
async fn answer(
    state: &ApiState,
    model: ModelSpec,
    id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let asked = model.clone();
    let work = see(state, model, id, request);
    state
        .service
        .counted(&asked, work, |problem| problem.code)
        .await
}

async fn see(
    state: &ApiState,
    model: ModelSpec,
    id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let begun = Instant::now();
    let claim = claim_of(&request);
    let held = request.extensions().get::<Held>().cloned();
    let held = held.unwrap_or_else(|| Held::new(state.uploads.of(&claim.tenant)));
    let form = accept::negotiate(request.headers())?;
    let request = askable(state, &model, request)?;
    let upload = upload::read(request, &state.limits()).await?;
    if form != AnswerForm::Json && upload.images.len() > 1 {
        let detail = "only a request with a single picture can be answered with a picture";
        return Err(Problem::new(ErrorCode::NotAcceptable, detail));
    }
    // Nothing is fetched for a model that cannot answer any more.
    state.service.core().servable(&model.name, &model.version)?;
    let images = upload::fetched(upload.images, state.fetcher.as_ref(), &claim).await;
    let wanted = match form {
        AnswerForm::Json => Wanted::Results,
        AnswerForm::Picture(_) => Wanted::ResultsAndPixels,
    };
    let request = InferRequest {
        id: id.0,
        model,
        images,
        options: upload.options,
        wanted,
        receive: begun.elapsed(),
        claim,
    };
    let inference = state.service.infer(request).await?;
    if let Some(problem) = inference.sole_problem() {
        return Err(problem);
    }
    let timing = server_timing(&inference.times, inference.answer.timings.total_ms);
    let mut response = match form {
        AnswerForm::Json => Json(inference.answer).into_response(),
        AnswerForm::Picture(encoding) => {
            picture(&state.service, inference, (encoding, held)).await?
        }
    };
    if let Ok(timing) = HeaderValue::from_str(&timing) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("server-timing"), timing);
    }
    Ok(response)
}

/// The request's picture with its results drawn in.
async fn picture(
    service: &InferenceService,
    inference: Inference,
    (encoding, held): (PictureEncoding, Held),
) -> Result<Response, Problem> {
    let outcome = inference
        .answer
        .images
        .into_iter()
        .next()
        .map(|image| image.outcome);
    let pixels = inference.pixels.into_iter().next().flatten();
    let (Some(ImageOutcome::Seen(seen)), Some(pixels)) = (outcome, pixels) else {
        return Err(Problem::new(ErrorCode::Internal, "the picture was lost"));
    };
    let annotated = service.annotate(pixels, seen.results, (encoding, held));
    let bytes = annotated.await?;
    let media_type = match encoding {
        PictureEncoding::Png => "image/png",
        PictureEncoding::Jpeg => "image/jpeg",
    };
    Ok(([(header::CONTENT_TYPE, media_type)], bytes).into_response())
}

/// The stages as a `Server-Timing` header, which browsers show beside the request.
fn server_timing(times: &StageTimes, total_ms: f64) -> String {
    let stages = times
        .stages()
        .map(|(stage, time)| format!("{};dur={}", stage.as_str(), milliseconds(time)));
    format!("{}, total;dur={total_ms}", stages.join(", "))
}
