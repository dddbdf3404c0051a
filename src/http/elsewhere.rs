//! Whether a request is of somebody elsewhere, though it comes from this machine: of another site's
//! page in a browser here, or passed on by a proxy. Where no key is configured, what comes from here
//! may do everything, so a page must not be able to have it sent.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, Uri, header, uri::Authority},
};

use crate::access::gate::OF_PROXIES;

/// Whether a proxy sent it, it asks for a host of another name, or the page that sent it is neither
/// of this machine nor one of the `origins` that may call the API.
pub(super) fn is_from_elsewhere(request: &Request, origins: &[String]) -> bool {
    let headers = request.headers();
    let passed_on = OF_PROXIES
        .into_iter()
        .any(|name| headers.contains_key(name));
    passed_on || asks_for_another(request) || !is_known(headers, origins)
}

/// Whether it asks for a host by a name that somebody on the internet may have, and lead here (DNS
/// rebinding): one with a dot.
fn asks_for_another(request: &Request) -> bool {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let host = request.uri().authority().or(host.as_ref());
    host.is_some_and(|host| {
        let name = host.host().trim_end_matches('.');
        name.contains('.') && !name.ends_with(".localhost") && address(name).is_none()
    })
}

fn is_known(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = origin.parse::<Uri>().ok();
    let host = host.as_ref().and_then(Uri::host);
    host.is_some_and(is_here) || origins.iter().any(|known| known == "*" || known == origin)
}

/// Whether a host is this machine, whoever resolves its name.
fn is_here(host: &str) -> bool {
    let is_loopback = |address: IpAddr| address.to_canonical().is_loopback();
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(is_loopback)
}

fn address(host: &str) -> Option<IpAddr> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::HeaderName};

    use super::*;

    #[test]
    fn pages_of_other_sites_and_proxies_are_elsewhere() {
        let check = |lines: &[(&str, &str)], expected: bool| {
            let mut request = Request::new(Body::empty());
            for (name, value) in lines {
                let name: HeaderName = name.parse().expect("a name");
                request
                    .headers_mut()
                    .insert(name, value.parse().expect("a value"));
            }
            let origins = ["https://app.example".to_owned()];
            assert_eq!(is_from_elsewhere(&request, &origins), expected, "{lines:?}");
        };
        check(&[], false);
        check(&[("host", "localhost:8080")], false);
        check(&[("host", "127.0.0.1:8080")], false);
        check(&[("host", "[::1]:8080")], false);
        check(&[("host", "ocellus:8080")], false);
        check(&[("host", "evil.example:8080")], true);
        check(&[("host", "evil.example.")], true);
        check(&[("host", "localhost.evil.example")], true);
        let local = ("host", "127.0.0.1:8080");
        check(&[local, ("origin", "http://127.0.0.1:8080")], false);
        check(&[local, ("origin", "http://localhost:3000")], false);
        check(&[local, ("origin", "https://app.example")], false);
        check(&[local, ("origin", "https://evil.example")], true);
        check(&[local, ("origin", "null")], true);
        check(&[local, ("via", "1.1 proxy")], true);
        check(&[local, ("x-real-ip", "192.0.2.1")], true);
    }
}
