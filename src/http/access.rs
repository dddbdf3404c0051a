//! Who a request is of, and whether they may have what it asks for.

use std::net::IpAddr;

use axum::{
    RequestExt as _,
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use ipnet::IpNet;
use tracing::info;

use crate::{
    access::{
        caller::Identity,
        gate::{Admission, KEY_HEADER, Shown, shown_secret},
        scope::Action,
        secret::without_keys,
    },
    error::Problem,
    model::name::ModelName,
    transport::Peer,
};

use super::{
    admission::drain, challenge::Challenge, elsewhere::is_from_elsewhere, state::ApiState,
};

/// The header of a key, beside `Authorization: Bearer`.
pub(super) const API_KEY: HeaderName = HeaderName::from_static(KEY_HEADER);

/// Where a request came from, by the proxies that passed it on.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whom a request was answered to, for the log.
#[derive(Clone, Debug)]
pub(super) struct AnsweredTo(pub(super) Identity);

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing: pages, the API's description, health, and paths where nothing lives.
    Nothing,
    /// To be known. What they see is then what they may see.
    Caller,
    /// A scope for the model in the path.
    Scope(Action),
}

impl Need {
    /// The scope that is asked for.
    fn of(self, model: Option<&ModelName>) -> Option<(Action, &ModelName)> {
        match self {
            Self::Scope(action) => Some((action, model?)),
            Self::Nothing | Self::Caller => None,
        }
    }
}

/// What a route asks of its caller; one that is not named here asks for a scope.
fn need(method: &Method, route: Option<&str>) -> Need {
    let Some(route) = route else {
        return Need::Nothing;
    };
    match route {
        "/" | "/assets/{*path}" | "/openapi.json" | "/v2" | "/v2/health/live"
        | "/v2/health/ready" => Need::Nothing,
        docs if docs == "/docs" || docs.starts_with("/docs/") => Need::Nothing,
        "/v1/models" | "/v2/models/stats" | "/v2/repository/index" => Need::Caller,
        repository if repository.starts_with("/v2/repository/") => Need::Scope(Action::Admin),
        _ if method.is_safe() => Need::Scope(Action::Describe),
        _ => Need::Scope(Action::Infer),
    }
}

/// Lets a request in, or answers it with why not. Handlers find the caller in its extensions.
pub(super) async fn admit(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let need = need(request.method(), route);
    if need == Need::Nothing {
        return next.run(request).await;
    }
    let model = named_model(&mut request).await;
    let (address, forwarded) = origin(&request, &state.trusted_proxies());
    let forwarded = forwarded || is_from_elsewhere(&request, &state.cors_origins);
    let headers = request.headers();
    let shown = Shown {
        secret: shown_secret(|name| headers.get(name)?.to_str().ok()),
        address,
        forwarded,
        certified: false,
    };
    if let Some(news) = state.gate.news(shown) {
        news.await;
    }
    let admission = match let_in(&state, shown, need, model.as_ref()) {
        Ok(admission) => admission,
        Err((problem, identity)) => {
            let challenge = challenge(&state, &problem, headers, need.of(model.as_ref()));
            drain(request);
            let mut response = problem.into_response();
            if let Some(challenge) = challenge {
                response.extensions_mut().insert(challenge);
            }
            if let Some(identity) = identity {
                audit((need, route), model.as_ref(), &identity, &response);
                response.extensions_mut().insert(AnsweredTo(identity));
            }
            return response;
        }
    };
    let identity = admission.caller.identity().clone();
    request.extensions_mut().insert(admission.caller.clone());
    let mut response = next.run(request).await;
    audit((need, route), model.as_ref(), &identity, &response);
    response.extensions_mut().insert(AnsweredTo(identity));
    response
}

fn let_in(
    state: &ApiState,
    shown: Shown<'_>,
    need: Need,
    model: Option<&ModelName>,
) -> Result<Admission, (Problem, Option<Identity>)> {
    let admission = state.gate.admit(shown).map_err(|problem| (problem, None))?;
    // A name that is none is answered so by the handler, which looks nothing up by it.
    if let Some((action, model)) = need.of(model) {
        let may = admission.caller.check(action, model);
        may.map_err(|problem| (problem, Some(admission.caller.identity().clone())))?;
    }
    Ok(admission)
}

/// What the caller is asked to show instead; where nothing is configured, there is nothing.
fn challenge(
    state: &ApiState,
    problem: &Problem,
    headers: &HeaderMap,
    asked: Option<(Action, &ModelName)>,
) -> Option<Challenge> {
    if state.gate.is_for_this_machine() {
        return None;
    }
    Challenge::of(problem, headers, asked)
}

/// The model that a path names. In TensorFlow Serving's paths a colon and a verb follow it.
async fn named_model(request: &mut Request) -> Option<ModelName> {
    let params = request.extract_parts::<RawPathParams>().await.ok()?;
    let (_, name) = params.iter().find(|(key, _)| *key == "model")?;
    name.split(':').next()?.parse().ok()
}

/// One line for everything that was done, or not allowed, to a model's service.
fn audit(
    (need, route): (Need, Option<&str>),
    model: Option<&ModelName>,
    caller: &Identity,
    response: &Response,
) {
    if need == Need::Scope(Action::Admin) {
        // The last word of the route is what is done.
        let action = route.and_then(|route| route.rsplit('/').next());
        let model = model.map(|model| without_keys(model.as_str()));
        let refusal = response.extensions().get::<Problem>();
        let code = refusal.map(|problem| problem.code.as_str());
        let status = response.status().as_u16();
        info!(target: "audit", %caller, action, model = model.as_deref(), code, status,
              "administration");
    }
}

/// Where a request came from, and whether somebody passed it on: who is believed where it came from
/// is not believed that it is of this machine.
fn origin(request: &Request, trusted: &[IpNet]) -> (Option<IpAddr>, bool) {
    let peer = request.extensions().get::<Peer>();
    let Some(peer) = peer.map(|peer| peer.address.ip().to_canonical()) else {
        return (None, true);
    };
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let headers = request.headers();
    let passed_on = headers.contains_key(FORWARDED_FOR) || headers.contains_key(header::FORWARDED);
    if !is_trusted(peer) {
        return (Some(peer), passed_on);
    }
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut origin = peer;
    for hop in hops {
        match hop.trim().parse::<IpAddr>() {
            Ok(address) => origin = address.to_canonical(),
            Err(_) => break,
        }
        if !is_trusted(origin) {
            break;
        }
    }
    (Some(origin), passed_on)
}

#[cfg(test)]
mod tests {
    use std::{fs, net::SocketAddr, sync::Mutex};

    use axum::{body::Body, http::StatusCode};
    use serde_json::Value;
    use tempfile::NamedTempFile;
    use tracing::subscriber::with_default;

    use crate::error::ErrorCode;

    use super::*;

    /// What the log has of a request to a route.
    fn audited(route: &str, response: &Response) -> Value {
        let file = NamedTempFile::new().expect("a file");
        let lines = Mutex::new(file.reopen().expect("opens"));
        let log = tracing_subscriber::fmt().json().with_writer(lines);
        let model: ModelName = "colors".parse().expect("a name");
        let asked = (need(&Method::POST, Some(route)), Some(route));
        with_default(log.finish(), || {
            audit(asked, Some(&model), &Identity::Certificate, response);
        });
        let line = fs::read_to_string(file.path()).expect("reads");
        let line: Value = serde_json::from_str(&line).expect("one line of JSON");
        line["fields"].clone()
    }

    #[test]
    fn the_log_says_what_was_done_to_a_model() {
        let check = |action: &str, response: &Response, code: Option<&str>| {
            let route = format!("/v2/repository/models/{{model}}/{action}");
            let fields = audited(&route, response);
            assert_eq!(fields["action"], action);
            assert_eq!(fields["model"], "colors");
            assert_eq!(fields["code"].as_str(), code);
        };
        let refused = Problem::new(ErrorCode::PermissionDenied, "why").into_response();
        check("load", &StatusCode::OK.into_response(), None);
        check("unload", &refused, Some("permission_denied"));
    }

    fn request(peer: &str, forwarded_for: &[&str]) -> Request {
        let mut request = Request::new(Body::empty());
        let address = SocketAddr::new(peer.parse().expect("an address"), 1);
        let certified = false;
        request.extensions_mut().insert(Peer { address, certified });
        for line in forwarded_for {
            let line = line.parse().expect("a header");
            request.headers_mut().append(FORWARDED_FOR, line);
        }
        request
    }

    #[test]
    fn a_proxy_is_believed_only_where_it_is_trusted() {
        let trusted = ["10.0.0.0/8", "127.0.0.0/8"].map(|it| it.parse().expect("a network"));
        let check = |peer: &str, lines: &[&str], origin_is: &str, passed_on: bool| {
            let expected = (Some(origin_is.parse().expect("an address")), passed_on);
            assert_eq!(
                origin(&request(peer, lines), &trusted),
                expected,
                "{peer} {lines:?}"
            );
        };
        check("127.0.0.1", &[], "127.0.0.1", false);
        check("::1", &["192.0.2.1"], "::1", true);
        check("192.0.2.9", &["127.0.0.1"], "192.0.2.9", true);
        check("10.0.0.1", &[], "10.0.0.1", false);
        check("10.0.0.1", &["192.0.2.1"], "192.0.2.1", true);
        check(
            "10.0.0.1",
            &["127.0.0.1, 192.0.2.1, 10.0.0.2"],
            "192.0.2.1",
            true,
        );
        check("10.0.0.1", &["127.0.0.1", "192.0.2.1"], "192.0.2.1", true);
        check("10.0.0.1", &["127.0.0.1, unknown"], "10.0.0.1", true);
        check("::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1", true);
        // Whoever is behind a proxy of this machine, or says so, is not this machine.
        check("127.0.0.1", &["127.0.0.1"], "127.0.0.1", true);
        check("127.0.0.1", &["::1"], "::1", true);
        check("127.0.0.1", &["127.0.0.1, 10.1.2.3"], "127.0.0.1", true);
        check("10.0.0.1", &["127.0.0.1"], "127.0.0.1", true);
        check("127.0.0.1", &[""], "127.0.0.1", true);
    }

    #[test]
    fn what_is_not_named_as_open_asks_for_a_scope() {
        let check = |method: Method, route: &str, expected: Need| {
            assert_eq!(need(&method, Some(route)), expected, "{method} {route}");
        };
        check(Method::GET, "/", Need::Nothing);
        check(Method::GET, "/docs/{*rest}", Need::Nothing);
        check(Method::GET, "/v1/models", Need::Caller);
        check(Method::POST, "/v2/repository/index", Need::Caller);
        check(
            Method::POST,
            "/v2/repository/models/{model}/load",
            Need::Scope(Action::Admin),
        );
        check(
            Method::GET,
            "/v1/models/{model}",
            Need::Scope(Action::Describe),
        );
        check(
            Method::HEAD,
            "/v1/models/{model}",
            Need::Scope(Action::Describe),
        );
        check(
            Method::POST,
            "/v1/models/{model}",
            Need::Scope(Action::Infer),
        );
        check(
            Method::POST,
            "/v1/models/{model}/infer",
            Need::Scope(Action::Infer),
        );
        check(Method::GET, "/documents", Need::Scope(Action::Describe));
        check(Method::POST, "/v9/new", Need::Scope(Action::Infer));
    }
}
