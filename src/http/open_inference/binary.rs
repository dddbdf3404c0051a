//! The binary tensor extension: a JSON head, then the tensors' raw bytes.

use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;

use crate::error::{ErrorCode, Problem};

/// The header that says how long the JSON head is.
pub(super) const HEAD_LENGTH: HeaderName =
    HeaderName::from_static("inference-header-content-length");

/// A body in its two parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// A JSON head and what follows it.
    Json(Bytes, Bytes),
    /// One tensor, and nothing else.
    Raw(Bytes),
}

/// How long the JSON head is, where its header says.
pub(super) fn head_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(HEAD_LENGTH)?.to_str().ok()?;
    length.trim().parse().ok()
}

/// Parts a body where its header says. Without one it is all JSON; with one of 0 it is one tensor.
pub(super) fn part(headers: &HeaderMap, mut body: Bytes) -> Result<Body, Problem> {
    if !headers.contains_key(HEAD_LENGTH) {
        return Ok(Body::Json(body, Bytes::new()));
    }
    match head_length(headers) {
        Some(0) => Ok(Body::Raw(body)),
        Some(length) if length <= body.len() => {
            let tensors = body.split_off(length);
            Ok(Body::Json(body, tensors))
        }
        Some(length) => {
            let all = body.len();
            let detail = format!("the JSON head is to have {length} bytes, the body has {all}");
            Err(Problem::new(ErrorCode::MalformedRequest, detail))
        }
        None => {
            let detail = "it must be a number of bytes";
            let problem = Problem::new(ErrorCode::MalformedRequest, detail);
            Err(problem.in_field("Inference-Header-Content-Length"))
        }
    }
}

/// Takes the next tensor of so many bytes.
pub(super) fn take(tensors: &mut Bytes, size: u64, name: &str) -> Result<Bytes, Problem> {
    match usize::try_from(size) {
        Ok(size) if size <= tensors.len() => Ok(tensors.split_to(size)),
        _ => {
            let left = tensors.len();
            let detail = format!("binary_data_size is {size}, the body has {left} bytes left");
            let problem = Problem::new(ErrorCode::MalformedRequest, detail);
            Err(problem.in_field(format!("input \"{name}\"")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(length: Option<&'static str>) -> HeaderMap {
        let length = length.map(|length| (HEAD_LENGTH, length.parse().expect("a value")));
        length.into_iter().collect()
    }

    #[test]
    fn a_body_is_parted_where_its_header_says() {
        let body = || Bytes::from_static(b"{}abc");
        let check = |length, expected: Body| {
            assert_eq!(part(&headers(length), body()), Ok(expected));
        };
        check(None, Body::Json(body(), Bytes::new()));
        check(
            Some("2"),
            Body::Json(Bytes::from_static(b"{}"), Bytes::from_static(b"abc")),
        );
        check(Some("0"), Body::Raw(body()));
        for wrong in ["6", "-1", "x"] {
            part(&headers(Some(wrong)), body()).expect_err(wrong);
        }
    }

    #[test]
    fn tensors_are_taken_in_order() {
        let mut tensors = Bytes::from_static(b"abc");
        assert_eq!(take(&mut tensors, 2, "x"), Ok(Bytes::from_static(b"ab")));
        take(&mut tensors, 2, "x").expect_err("one is left");
    }
}
