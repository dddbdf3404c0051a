//! Problems as HTTP answers, `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::{ErrorCode, Problem};

use super::{
    challenge::Challenge,
    dialect::{Dialect, Said},
    state::RequestId,
};

/// Media type of a problem.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a refused request may be sent again, where nothing better is known.
const RETRY_AFTER_S: u64 = 1;

impl IntoResponse for Problem {
    /// The status, and the problem itself for [`render`] to write out.
    fn into_response(self) -> Response {
        let mut response = status(self.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes problems out, with the id of their request.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let dialect = Dialect::of(request.uri().path());
    let mut response = next.run(request).await;
    let challenge = response.extensions_mut().remove::<Challenge>();
    if response.extensions().get::<Said>().is_some() {
        return advised(response, None, challenge);
    }
    let Some(problem) = response
        .extensions_mut()
        .remove::<Problem>()
        .or_else(|| foreign(&response))
    else {
        return response;
    };
    if let Some(mut refusal) = dialect.refusal(&problem) {
        refusal
            .extensions_mut()
            .extend(response.extensions().clone());
        return advised(refusal, problem.retry_after, challenge);
    }
    let document = problem.document(id.as_ref().map(|id| id.0.as_str()));
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.status = status(problem.code);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    advised(
        Response::from_parts(parts, body.into()),
        problem.retry_after,
        challenge,
    )
}

/// Says when a request that was refused for now may be sent again, and how callers are known.
fn advised(
    mut response: Response,
    retry_after: Option<Duration>,
    challenge: Option<Challenge>,
) -> Response {
    let challenge = challenge.map(|Challenge(value)| value);
    match response.status() {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            let wait = retry_after.map(|wait| wait.as_secs_f64().ceil().clamp(1.0, 86_400.0));
            let wait = wait.map_or(RETRY_AFTER_S.to_string(), |wait| format!("{wait:.0}"));
            if let Ok(wait) = HeaderValue::from_str(&wait) {
                response.headers_mut().insert(header::RETRY_AFTER, wait);
            }
        }
        StatusCode::UNAUTHORIZED => {
            let challenge = challenge.unwrap_or(Challenge::NOTHING_SHOWN);
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        StatusCode::FORBIDDEN => {
            let headers = response.headers_mut();
            headers.extend(challenge.map(|challenge| (header::WWW_AUTHENTICATE, challenge)));
        }
        _ => (),
    }
    response
}

/// The problem of a refusal that the router or a library wrote: an unknown path, a wrong method, a
/// path that is no UTF-8.
fn foreign(response: &Response) -> Option<Problem> {
    let refused = |code, detail: &str| Some(Problem::new(code, detail));
    match response.status() {
        StatusCode::NOT_FOUND => refused(
            ErrorCode::RouteNotFound,
            "nothing lives at this path; /docs describes the API",
        ),
        StatusCode::METHOD_NOT_ALLOWED => refused(
            ErrorCode::MethodNotAllowed,
            "this path does not take that method; /docs describes the API",
        ),
        status if status.is_client_error() => {
            refused(ErrorCode::MalformedRequest, "the request cannot be read")
        }
        status if status.is_server_error() => {
            refused(ErrorCode::Internal, "the server's log has the cause")
        }
        _ => None,
    }
}

/// The problem of a body above the limit.
pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(
        ErrorCode::BodyTooLarge,
        format!("the body is above the limit of {limit} bytes"),
    )
}
