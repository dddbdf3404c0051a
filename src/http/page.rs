//! The demo page and its samples, out of the binary.

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::{ErrorCode, Problem};

#[derive(RustEmbed)]
#[folder = "assets/page"]
struct Page;

#[derive(RustEmbed)]
#[folder = "assets/samples"]
#[include = "*.jpg"]
struct Samples;

/// Nothing but the page's own files, and pictures that it made itself.
const POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn index(headers: HeaderMap) -> Result<Response, Problem> {
    file("index.html", Page::get("index.html"), &headers)
}

pub(super) async fn asset(
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = match path.strip_prefix("samples/") {
        Some(sample) => Samples::get(sample),
        None => Page::get(&path),
    };
    file(&path, found, &headers)
}

/// A file with its type and an `ETag`; not sent again to who has it.
fn file(path: &str, file: Option<EmbeddedFile>, headers: &HeaderMap) -> Result<Response, Problem> {
    let Some(file) = file else {
        return Err(Problem::new(
            ErrorCode::RouteNotFound,
            "there is no such file",
        ));
    };
    let hex: String = file
        .metadata
        .sha256_hash()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let etag = format!("\"{hex}\"");
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags == etag.as_str());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, media_type(path))], file.data).into_response()
    };
    let answer = response.headers_mut();
    answer.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        answer.insert(header::ETAG, etag);
    }
    Ok(response)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("jpg") => "image/jpeg",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
