//! What a caller who was turned away is asked to show (RFC 6750, section 3).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::{
    access::{gate::bearer, scope::Action},
    error::{ErrorCode, Problem},
    model::name::ModelName,
};

/// The value of `WWW-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Challenge(pub(super) HeaderValue);

impl Challenge {
    /// Where nothing was shown.
    pub(super) const NOTHING_SHOWN: HeaderValue = HeaderValue::from_static("Bearer");

    /// What is wrong with the key or the token that a request showed, if it showed one. `asked` is
    /// the scope that it would have needed.
    pub(super) fn of(
        problem: &Problem,
        headers: &HeaderMap,
        asked: Option<(Action, &ModelName)>,
    ) -> Option<Self> {
        bearer(headers.get(header::AUTHORIZATION)?.to_str().ok()?)?;
        let value = if problem.code == ErrorCode::Unauthenticated {
            r#"Bearer error="invalid_token""#.to_owned()
        } else if problem.code == ErrorCode::PermissionDenied {
            let scope = asked.map_or_else(String::new, |(action, model)| {
                format!(r#", scope="{}:{model}""#, action.as_str())
            });
            format!(r#"Bearer error="insufficient_scope"{scope}"#)
        } else {
            return None;
        };
        HeaderValue::from_str(&value).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_what_is_wrong_with_a_bearer_alone() {
        let model: ModelName = "detector".parse().expect("a name");
        let check = |code: ErrorCode, shown: Option<&'static str>, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(shown) = shown {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(shown));
            }
            let problem = Problem::new(code, "why");
            let asked = Some((Action::Infer, &model));
            let challenge = Challenge::of(&problem, &headers, asked);
            let challenge = challenge.map(|Challenge(value)| value);
            let challenge = challenge
                .as_ref()
                .map(|value| value.to_str().expect("text"));
            assert_eq!(challenge, expected, "{code:?} {shown:?}");
        };
        let (invalid, denied) = (ErrorCode::Unauthenticated, ErrorCode::PermissionDenied);
        let scope = r#"Bearer error="insufficient_scope", scope="infer:detector""#;
        check(invalid, None, None);
        check(invalid, Some("Basic YTpi"), None);
        check(
            invalid,
            Some("bearer x"),
            Some(r#"Bearer error="invalid_token""#),
        );
        check(denied, None, None);
        check(denied, Some("Bearer x"), Some(scope));
        check(ErrorCode::RateLimited, Some("Bearer x"), None);
    }
}
