//! Bodies of the other protocols, which may be compressed.

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tower_http::decompression::RequestDecompressionLayer;

use super::{dialect::Said, state::ApiState};

/// Routes whose bodies may be compressed with gzip or deflate.
pub(super) fn decompressed(routes: Router<ApiState>) -> Router<ApiState> {
    routes
        .layer(RequestDecompressionLayer::new())
        .layer(middleware::from_fn(known))
}

/// Writes an encoding as the layer within knows it, which reads neither capitals nor the old name
/// of gzip (RFC 9110, section 8.4.1), and refuses others.
async fn known(mut request: Request, next: Next) -> Response {
    let mut given = request.headers().get_all(header::CONTENT_ENCODING).iter();
    let encoding = match (given.next(), given.next()) {
        (None, _) => return next.run(request).await,
        (Some(only), None) => as_known(only),
        (Some(_), Some(_)) => None,
    };
    let Some(encoding) = encoding else {
        return refusal();
    };
    let encoding = HeaderValue::from_static(encoding);
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_ENCODING, encoding);
    next.run(request).await
}

fn as_known(encoding: &HeaderValue) -> Option<&'static str> {
    match encoding.to_str().ok()?.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => Some("gzip"),
        "deflate" => Some("deflate"),
        "identity" | "" => Some("identity"),
        _ => None,
    }
}

/// In the words that both protocols have.
fn refusal() -> Response {
    let detail = "Content-Encoding may be gzip, deflate or identity, and one of them";
    let mut response = (
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        [(header::ACCEPT_ENCODING, "gzip, deflate, identity")],
        Json(json!({ "error": detail })),
    )
        .into_response();
    response.extensions_mut().insert(Said);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_have_more_than_one_spelling() {
        let check = |text: &'static str, expected: Option<&str>| {
            let encoding = HeaderValue::from_static(text);
            assert_eq!(as_known(&encoding), expected, "{text:?}");
        };
        check("GZIP", Some("gzip"));
        check("x-gzip", Some("gzip"));
        check("Deflate", Some("deflate"));
        check("Identity", Some("identity"));
        check("", Some("identity"));
        for unknown in ["br", "gzip, gzip", "zstd", "gzip;q=1"] {
            check(unknown, None);
        }
    }
}
