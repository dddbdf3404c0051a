//! Heads that leave in doubt whom a request is for, or where its body ends.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::error::{ErrorCode, Problem};

use super::admission::drain;

/// Refuses requests whose head is in doubt, and closes their connections: who read it otherwise,
/// before this server, may take what is behind it for something else.
pub(super) async fn sound(request: Request, next: Next) -> Response {
    let Some(detail) = doubt(request.version(), request.headers()) else {
        return next.run(request).await;
    };
    let has_last = request.version() <= Version::HTTP_11;
    drain(request);
    let mut response = Problem::new(ErrorCode::MalformedRequest, detail).into_response();
    if has_last {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// What is in doubt, if anything is (RFC 9112, sections 3.2 and 6.1).
fn doubt(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_11 => return Some("the header Host is missing"),
        (Some(_), Some(_)) => return Some("the header Host is there more than once"),
        (Some(host), None) if !is_host(host) => {
            return Some("the header Host must be a name or an address, and a port at the most");
        }
        (None | Some(_), _) => (),
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    let is_known = codings.next().is_none_or(chunked) && codings.next().is_none();
    (!is_known).then_some("the header Transfer-Encoding may be chunked, once, and nothing else")
}

/// Whether a value is a host, and a port where there is one. It is empty where a target has none.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let Ok(authority) = text.parse::<Authority>() else {
        return text.is_empty();
    };
    let port = text.strip_prefix(authority.host());
    let port = port.map(|port| port.strip_prefix(':').unwrap_or(port));
    port.is_some_and(|port| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn sound(version: Version, lines: &[(HeaderName, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        doubt(version, &headers).is_none()
    }

    #[test]
    fn a_request_is_for_one_host() {
        let check = |host: &'static str, expected: bool| {
            let lines = [(header::HOST, host)];
            assert_eq!(sound(Version::HTTP_11, &lines), expected, "{host:?}");
        };
        for host in ["a", "my_service:80", "127.0.0.1:8080", "[::1]", "[::1]:1"] {
            check(host, true);
        }
        check("a.example.:", true);
        check("", true);
        for host in ["a b", "a@b", "a:b", "a:80:80", "a/b", "../etc", "a:123456"] {
            check(host, false);
        }
        for host in ["http://a", "[::1", "[::1]a", ":80:", "a?b", "a#b"] {
            check(host, false);
        }
        assert!(!sound(Version::HTTP_11, &[]));
        assert!(sound(Version::HTTP_10, &[]));
        assert!(sound(Version::HTTP_2, &[]));
        let twice = [(header::HOST, "a"), (header::HOST, "a")];
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            assert!(!sound(version, &twice), "{version:?}");
        }
    }

    #[test]
    fn a_body_comes_in_chunks_or_as_it_is() {
        let check = |codings: &[&'static str], expected: bool| {
            let codings = codings.iter();
            let mut lines = vec![(header::HOST, "a")];
            lines.extend(codings.map(|coding| (header::TRANSFER_ENCODING, *coding)));
            assert_eq!(sound(Version::HTTP_11, &lines), expected, "{lines:?}");
        };
        check(&[], true);
        check(&["chunked"], true);
        check(&["Chunked"], true);
        for coding in ["gzip, chunked", "chunked, chunked", ",chunked", "zip", ""] {
            check(&[coding], false);
        }
        check(&["chunked", "chunked"], false);
    }
}
