//! What every request passes on its way in and out, in one list.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::{AllowOrigin, CorsLayer},
};
use tracing::{Instrument as _, error, field, info, info_span};
use uuid::Uuid;

use crate::{
    access::secret::without_keys,
    error::{ErrorCode, Problem},
    fairness::claim::Claim,
    inference::{answer::milliseconds, memory::Held},
};

use super::{
    access::{self, AnsweredTo},
    admission::{self, drain},
    head,
    places::{self, Stay},
    problem::{self, too_large},
    received::Received,
    state::{ApiState, RequestId},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps the routes, outermost last.
pub(super) fn around(routes: Router, state: &ApiState) -> Router {
    routes
        .layer(middleware::from_fn_with_state(state.clone(), limit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state.clone(), access::admit))
        .layer(cors(&state.cors_origins))
        .layer(middleware::from_fn(head::sound))
        .layer(middleware::from_fn(problem::render))
        .layer(middleware::from_fn(harden))
        .layer(middleware::from_fn(trace))
}

/// Gives the request its id and one log line.
async fn trace(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let span = info_span!("request", request.id = %id);
    let (method, path) = (named(request.method()), shown_path(&request));
    request.extensions_mut().insert(RequestId(id.clone()));
    let begun = std::time::Instant::now();
    async move {
        let mut response = next.run(request).await;
        let elapsed_ms = milliseconds(begun.elapsed());
        let status = response.status().as_u16();
        let caller = response.extensions_mut().remove::<AnsweredTo>();
        let caller = caller.map(|AnsweredTo(identity)| field::display(identity));
        info!(request.id = %id, caller, method, path, status, elapsed_ms, "request answered");
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
    .instrument(span)
    .await
}

/// A method by its name, where it is one that is known: others may be anything.
fn named(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    let named = known.into_iter().find(|name| *name == method.as_str());
    named.unwrap_or("other")
}

/// Longest path that the log has, in characters.
const SHOWN: usize = 256;

/// The path for the log, cut where it is long, without keys and tokens that people put there. What
/// is written so that they could hide in it shows as the route that it took.
fn shown_path(request: &Request) -> String {
    let path = request.uri().path();
    if path.contains('%') || path.contains("eyJ") {
        let route = request.extensions().get::<MatchedPath>();
        return route.map_or("unknown", MatchedPath::as_str).to_owned();
    }
    let mut shown = without_keys(path).into_owned();
    if let Some((end, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

/// Refuses what is declared too large, what there is no place for or would wait for too long, and
/// what takes too long. What only looks costs next to nothing, and goes by.
async fn limit(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let (claim, longest, stay) = match admit(&state, &mut request).await {
        Ok(admitted) => admitted,
        Err(problem) => {
            drain(request);
            return problem.into_response();
        }
    };
    let held = Held::new(state.uploads.of(&claim.tenant));
    let mut request =
        request.map(|body| Body::new(Received::new(body, held.clone(), Arc::clone(&stay))));
    request.extensions_mut().insert(held.clone());
    let left = claim.left(Instant::now()).unwrap_or(longest);
    request.extensions_mut().insert(claim);
    DefaultBodyLimit::max(state.limits().body_bytes).apply(&mut request);
    match tokio::time::timeout(left, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let deadline = longest.as_millis();
            let detail = format!("the request did not finish within {deadline} ms");
            Problem::new(ErrorCode::DeadlineExceeded, detail).into_response()
        }
    }
}

/// What a request claims, for how long, and its place.
async fn admit(
    state: &ApiState,
    request: &mut Request,
) -> Result<(Claim, Duration, Arc<Stay>), Problem> {
    let limits = &state.limits();
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| (limits.body_bytes as u64) < length) {
        return Err(too_large(limits.body_bytes));
    }
    let (claim, longest) = admission::claim(request, limits)?;
    let model = admission::asked_model(request).await;
    let Some(stay) = Stay::begin(&state.receive, &state.places, &claim.tenant) else {
        state.service.refused_for_place(model.as_ref(), &claim);
        return Err(places::none());
    };
    if let Some(model) = model {
        state.service.admit(&model, &claim)?;
    }
    Ok((claim, longest, Arc::new(stay)))
}

/// What the pages of the API's reference may load: their own files, and styles that they write.
const REFERENCE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Of an answer that is no page a browser may make nothing but what it is.
const ANSWER_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Tells browsers not to guess, frame or load more than an answer needs.
async fn harden(request: Request, next: Next) -> Response {
    let policy = if request.uri().path().starts_with("/docs") {
        REFERENCE_POLICY
    } else {
        ANSWER_POLICY
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(policy));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the panic over"
)]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let cause = text
        .or(panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    error!(cause, "a handler panicked");
    Problem::new(ErrorCode::Internal, "the server's log has the cause").into_response()
}

fn cors(origins: &[String]) -> CorsLayer {
    if origins.is_empty() {
        return CorsLayer::new();
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::ACCEPT,
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            access::API_KEY,
            admission::PRIORITY,
            admission::TIMEOUT,
        ])
        .expose_headers([
            REQUEST_ID,
            header::RETRY_AFTER,
            HeaderName::from_static("server-timing"),
        ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_without_keys_and_in_part() {
        let check = |path: &str, expected: &str| {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = path.parse().expect("a path");
            assert_eq!(shown_path(&request), expected);
        };
        check("/v1/models", "/v1/models");
        check("/v1/models/%41", "unknown");
        check("/v1/models/ocl_0123_abc", "/v1/models/ocl_…");
        let most = format!("/{}", "a".repeat(SHOWN - 1));
        check(&most, &most);
        check(&format!("{most}b"), &format!("{most}…"));
        check(&"/a".repeat(16_000), &format!("{}…", "/a".repeat(128)));
        // Where the cut goes through a key, nothing of it is left.
        let before = format!("/{}", "a".repeat(SHOWN - 6));
        check(&format!("{before}/ocl_01_abc"), &format!("{before}/ocl_…"));
    }
}
