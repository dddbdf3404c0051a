//! Whether a request is let in, before anything is read of its body.

use std::{
    future::poll_fn,
    num::NonZeroU64,
    pin::Pin,
    time::{Duration, Instant},
};

use axum::{
    RequestExt as _,
    body::{Body, HttpBody as _},
    extract::{MatchedPath, RawPathParams, Request},
    http::{HeaderMap, HeaderName, Method, Version, header},
};

use utoipa::IntoParams;

use crate::{
    access::caller::{Caller, Wish},
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    inference::request::ModelSpec,
    serving::choice::VersionChoice,
};

use super::state::{ApiState, EdgeLimits};

/// What the headers of a request may say of how it is to be served.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes them")]
pub(super) struct ClaimHeaders {
    /// How urgent it is: high, normal or low. A key may ask for `normal` unless it was made for
    /// another.
    #[param(
        rename = "x-priority",
        pattern = "^(high|normal|low)$",
        example = "low"
    )]
    priority: Option<String>,
    /// How long the client waits for the answer, in milliseconds; no longer than the server does.
    #[param(rename = "x-request-timeout-ms", minimum = 1, example = 2000)]
    timeout: Option<u64>,
}

/// How urgent a request is: high, normal or low.
pub(super) const PRIORITY: HeaderName = HeaderName::from_static("x-priority");

/// How long its client waits for an answer.
pub(super) const TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout-ms");

/// Largest body of a request that was refused which is read all the same, and dropped, so that the
/// client hears of the refusal and may go on on its connection.
const DRAINED: u64 = 4 << 20;

/// Longest time for that.
const DRAIN: Duration = Duration::from_secs(2);

/// What a request claims: the turn of its caller, at the priority and until the deadline that its
/// headers ask for; and how far off that is.
///
/// # Errors
/// When a header is not as it must be, or asks for more than its caller may.
pub(super) fn claim(request: &Request, limits: &EdgeLimits) -> Result<(Claim, Duration), Problem> {
    let (caller, headers) = (request.extensions().get::<Caller>(), request.headers());
    let claim = match caller {
        Some(caller) => caller.claim(Wish {
            priority: text(headers, &PRIORITY)?,
            on_behalf_of: None,
        })?,
        None => Claim::default(),
    };
    let timeout = text(headers, &TIMEOUT)?.map(|ms: NonZeroU64| Duration::from_millis(ms.get()));
    let longest = timeout.map_or(limits.deadline, |timeout| timeout.min(limits.deadline));
    Ok((claim.until(Instant::now().checked_add(longest)), longest))
}

/// A header's value.
fn text<T: std::str::FromStr>(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Option<T>, Problem> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let value = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let invalid = || {
        let takes = if *name == PRIORITY {
            "high, normal or low"
        } else {
            "a whole number of milliseconds, from 1"
        };
        let detail = format!("the header {name} must be {takes}");
        Problem::new(ErrorCode::InvalidOption, detail).in_field(name.as_str())
    };
    value.map(Some).ok_or_else(invalid)
}

/// The claim that was made of a request.
pub(super) fn claim_of(request: &Request) -> Claim {
    let claim = request.extensions().get::<Claim>();
    claim.cloned().unwrap_or_default()
}

/// The model that a request would run, if it is one that runs a model.
pub(super) async fn asked_model(request: &mut Request) -> Option<ModelSpec> {
    let route = request.extensions().get::<MatchedPath>()?.as_str();
    if request.method() != Method::POST || route.starts_with("/v2/repository/") {
        return None;
    }
    let params = request.extract_parts::<RawPathParams>().await.ok()?;
    // In TensorFlow Serving's paths a colon and a verb end the last of them.
    let param = |name: &str| {
        let (_, value) = params.iter().find(|(key, _)| *key == name)?;
        value.split(':').next()
    };
    let version = match (param("version"), param("label")) {
        (Some(version), _) => VersionChoice::Version(version.parse().ok()?),
        (None, Some(label)) => VersionChoice::Label(label.parse().ok()?),
        (None, None) => VersionChoice::Default,
    };
    let name = param("model")?.parse().ok()?;
    Some(ModelSpec { name, version })
}

/// The request, if its model can be asked. Otherwise its body is not read: a client that asks first
/// (`Expect: 100-continue`) need not send it.
///
/// # Errors
/// That of the model or its version.
pub(super) fn askable(
    state: &ApiState,
    model: &ModelSpec,
    request: Request,
) -> Result<Request, Problem> {
    match state.service.core().servable(&model.name, &model.version) {
        Ok(_) => Ok(request),
        Err(problem) => {
            drain(request);
            Err(problem)
        }
    }
}

/// Reads on what is left of a refused request, where that is little. What is more is left unread,
/// and its connection closed.
pub(super) fn drain(request: Request) {
    let headers = request.headers();
    let length = request.body().size_hint().exact();
    let is_little = length.is_some_and(|length| length <= DRAINED);
    // A client that asks first has not sent it yet; streams end each by itself.
    let asks_first = headers.contains_key(header::EXPECT);
    if is_little && !asks_first && request.version() < Version::HTTP_2 {
        let body = request.into_body();
        tokio::spawn(tokio::time::timeout(DRAIN, read_on(body)));
    }
}

async fn read_on(mut body: Body) {
    while let Some(Ok(_)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {}
}
