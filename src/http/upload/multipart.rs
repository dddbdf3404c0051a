//! Pictures and options as the parts of a form.

use axum::{
    extract::{FromRequest as _, Multipart, Request, multipart::MultipartError},
    http::StatusCode,
};
use utoipa::ToSchema;

use crate::{
    error::{ErrorCode, Problem},
    inference::options::{InferOptions, OptionValue},
};

use super::{BodyFault, EdgeLimits, Sent, no_image, too_large, too_many};

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
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|rejection| {
            Problem::new(
                ErrorCode::MalformedRequest,
                format!("the form cannot be read: {rejection}"),
            )
        })?;
    let mut images = Vec::new();
    let mut given = 0;
    while let Some(part) = parts
        .next_field()
        .await
        .map_err(|e| unreadable(&e, limits))?
    {
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
            let bytes = part.bytes().await.map_err(|e| unreadable(&e, limits))?;
            images.push(Sent::picture(bytes, filename));
        } else {
            given += 1;
            let value = part.bytes().await.map_err(|e| unreadable(&e, limits))?;
            add_option(options, &name, &value)?;
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

fn add_option(options: &mut InferOptions, name: &str, value: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.len() <= MAX_OPTION);
    match text {
        Some(text) => options.add(name, &OptionValue::Text(text.to_owned())),
        None => {
            let known = crate::inference::options::NAMES.join(", ");
            let detail = format!(
                "part {name:?} is not text of at most {MAX_OPTION} bytes; pictures are parts \
                 named image, options are {known}"
            );
            Err(Problem::new(ErrorCode::InvalidOption, detail).in_field(name))
        }
    }
}

fn unreadable(error: &MultipartError, limits: &EdgeLimits) -> Problem {
    if let Some(problem) = BodyFault::of(error) {
        return problem;
    }
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(limits.body_bytes);
    }
    let detail = format!("the form cannot be read: {}", error.body_text());
    Problem::new(ErrorCode::MalformedRequest, detail)
}
