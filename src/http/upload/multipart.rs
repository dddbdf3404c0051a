//! Pictures and options as the parts of a form.
//!
//! The body is read to its end before the form is taken apart: `multer` looks through all that it
//! holds whenever something comes, so that a long header in small pieces would cost a core.

use axum::{
    body::Body,
    extract::{
        DefaultBodyLimit, FromRequest as _, Multipart, Request,
        multipart::{Field, MultipartError},
    },
};
use bytes::Bytes;
use utoipa::ToSchema;

use crate::{
    error::{ErrorCode, Problem},
    inference::options::{InferOptions, OptionValue},
};

use super::{EdgeLimits, Sent, no_image, too_many, whole_body};

/// Longest value of an option, in bytes.
const MAX_OPTION: usize = 64 * 1024;

/// Longest headers of a part, in bytes.
const MAX_PART_HEADERS: usize = 8 * 1024;

/// Most parts beside the pictures.
const MAX_OPTIONS: usize = 64;

/// A form with pictures and options, as the API's description lists it.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "read by the description of the API alone; read() parses"
)]
pub(in crate::http) struct InferForm {
    /// One part for each picture.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    image: Vec<Vec<u8>>,
    /// How many classes a classification answers, best first.
    #[schema(minimum = 1, maximum = 1000, nullable = false)]
    top_k: Option<u32>,
    /// Results below this confidence are left out.
    #[schema(minimum = 0, maximum = 1, nullable = false)]
    confidence: Option<f32>,
    /// Of two boxes that overlap by more than this, only the better one is answered.
    #[schema(minimum = 0, maximum = 1, nullable = false)]
    iou: Option<f32>,
    /// Most boxes in the answer, best first.
    #[schema(minimum = 1, maximum = 1000, nullable = false)]
    max_detections: Option<u32>,
    /// Only these classes, by label or number, separated by commas.
    #[schema(nullable = false)]
    classes: Option<String>,
}

pub(super) async fn read(
    request: Request,
    limits: &EdgeLimits,
    options: &mut InferOptions,
) -> Result<Vec<Sent>, Problem> {
    let mut parts = parts(request, limits).await?;
    let mut images = Vec::new();
    let mut given = 0;
    while let Some(part) = parts.next_field().await.map_err(|e| unreadable(&e))? {
        let headers = part.headers().iter();
        let headers = headers.map(|(name, value)| name.as_str().len() + value.len());
        if MAX_PART_HEADERS < headers.sum() {
            let detail = format!("a part has headers of more than {MAX_PART_HEADERS} bytes");
            return Err(Problem::new(ErrorCode::MalformedRequest, detail));
        }
        let name = part.name().unwrap_or_default().to_owned();
        if name == "image" {
            if images.len() == limits.images {
                return Err(too_many(limits.images));
            }
            let filename = part.file_name().map(str::to_owned);
            images.push(Sent::picture(content(part).await?, filename));
        } else {
            given += 1;
            add_option(options, &name, &content(part).await?)?;
            if given > MAX_OPTIONS {
                let detail = format!("the form has more than {MAX_OPTIONS} options");
                return Err(Problem::new(ErrorCode::MalformedRequest, detail));
            }
        }
    }
    if images.is_empty() {
        return Err(no_image("the form has no part named image"));
    }
    Ok(images)
}

/// The parts of a form whose body is here as a whole, and counted.
async fn parts(request: Request, limits: &EdgeLimits) -> Result<Multipart, Problem> {
    let (head, body) = request.into_parts();
    let body = whole_body(Request::from_parts(head.clone(), body), limits).await?;
    let mut form = Request::from_parts(head, Body::from(body));
    DefaultBodyLimit::disable().apply(&mut form);
    let parts = Multipart::from_request(form, &()).await;
    parts.map_err(|rejection| malformed(&rejection.to_string()))
}

/// What a part holds: cut out of the form, not copied.
async fn content(mut part: Field<'_>) -> Result<Bytes, Problem> {
    // The form is here as a whole, so that the first chunk is all there is.
    let chunk = part.chunk().await.map_err(|e| unreadable(&e))?;
    Ok(chunk.unwrap_or_default())
}

fn add_option(options: &mut InferOptions, name: &str, value: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= MAX_OPTION);
    match text {
        Some(text) => options.add(name, &OptionValue::Text(text.to_owned())),
        None => {
            let known = crate::inference::options::NAMES.join(", ");
            let detail = format!(
                "part {name:?} is not an option: those are {known}, texts of at most {MAX_OPTION} \
                 bytes; pictures are parts named image"
            );
            Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(name))
        }
    }
}

fn unreadable(error: &MultipartError) -> Problem {
    malformed(&error.body_text())
}

fn malformed(reason: &str) -> Problem {
    let detail = format!("the form cannot be read: {reason}");
    Problem::new(ErrorCode::MalformedRequest, detail)
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, time::Duration};

    use axum::http::{HeaderValue, header};
    use futures_util::stream;

    use super::*;

    const LIMITS: EdgeLimits = EdgeLimits {
        body_bytes: 40_000,
        images: 2,
        deadline: Duration::from_secs(1),
    };

    /// Reads a form that comes in pieces of four bytes.
    async fn sent(body: &str, options: &mut InferOptions) -> Result<Vec<Sent>, Problem> {
        let pieces = body.as_bytes().chunks(4).map(Bytes::copy_from_slice);
        let pieces: Vec<_> = pieces.map(Ok::<Bytes, Infallible>).collect();
        let mut request = Request::new(Body::from_stream(stream::iter(pieces)));
        let kind = HeaderValue::from_static("multipart/form-data; boundary=x");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        read(request, &LIMITS, options).await
    }

    fn part(name: &str, value: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[tokio::test]
    async fn each_part_has_its_own_bytes() {
        let large = "a\r\n-".repeat(5000);
        let body = [
            part("image", &large),
            part("top_k", "3"),
            part("image", ""),
            "--x--\r\n".to_owned(),
        ];
        let mut options = InferOptions::default();
        let images = sent(&body.concat(), &mut options).await.expect("a form");
        let bytes = images.into_iter().map(|image| match image {
            Sent::Picture(image) => image.bytes.expect("is there"),
            Sent::Url { url, .. } => panic!("{url} is no picture"),
        });
        assert_eq!(bytes.collect::<Vec<_>>(), [large.as_bytes(), b""]);
        assert_eq!(options.top_k, Some(3));
    }

    #[tokio::test]
    async fn forms_that_are_not_read() {
        let check = async |body: &str, code: ErrorCode, detail: &str| {
            let read = sent(body, &mut InferOptions::default()).await;
            let problem = read.expect_err(detail);
            assert_eq!(problem.code, code, "{problem:?}");
            assert!(problem.detail.contains(detail), "{problem:?}");
        };
        let malformed = ErrorCode::MalformedRequest;
        let endless = format!("--x\r\nContent-Disposition: {}", "a".repeat(30_000));
        check(&endless, malformed, "the form cannot be read").await;
        let long = format!("{endless}\r\n\r\nabc\r\n--x--\r\n");
        check(&long, malformed, "headers of more than 8192 bytes").await;
        check(&part("image", "abc"), malformed, "incomplete").await;
        let too_large = format!("{endless}{endless}");
        check(&too_large, ErrorCode::BodyTooLarge, "40000 bytes").await;
        let three = part("image", "abc").repeat(3);
        check(&three, ErrorCode::TooManyImages, "more pictures than the 2").await;
    }
}
