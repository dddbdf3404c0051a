//! From a request's body to pictures and options, whichever way they were sent.

mod json;
mod multipart;
mod query;
mod raw;

use axum::{
    extract::{FromRequest as _, Request},
    http::header,
};
use bytes::Bytes;

use crate::{
    error::{ErrorCode, Problem},
    inference::{options::InferOptions, request::ImageUpload},
};

pub(super) use json::InferJson;
pub(super) use multipart::InferForm;
pub(super) use query::InferOptionsQuery;

use super::{problem::too_large, state::EdgeLimits};

/// What a request carries.
#[derive(Debug)]
pub(super) struct Upload {
    /// At least one.
    pub(super) images: Vec<ImageUpload>,
    pub(super) options: InferOptions,
}

/// Reads a request's pictures and options. Options come from the query, too.
pub(super) async fn read(request: Request, limits: &EdgeLimits) -> Result<Upload, Problem> {
    let mut options = query::options(request.uri().query())?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map(|value| value.to_str().unwrap_or("?").to_owned());
    let essence = content_type
        .as_deref()
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    let images = match essence.map(str::to_ascii_lowercase).as_deref() {
        Some("multipart/form-data") => multipart::read(request, limits, &mut options).await?,
        Some("application/json") => {
            json::read(&whole_body(request, limits).await?, limits, &mut options)?
        }
        None | Some("application/octet-stream") => raw::read(whole_body(request, limits).await?)?,
        Some(other) if other.starts_with("image/") => {
            raw::read(whole_body(request, limits).await?)?
        }
        Some(other) => {
            let detail = format!(
                "a body of type {other} is not read; send multipart/form-data with a part named \
                 image, a raw body of type image/*, or application/json"
            );
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail));
        }
    };
    Ok(Upload { images, options })
}

/// The whole body, up to the limit.
pub(super) async fn whole_body(request: Request, limits: &EdgeLimits) -> Result<Bytes, Problem> {
    Bytes::from_request(request, &())
        .await
        .map_err(|rejection| {
            if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                too_large(limits.body_bytes)
            } else {
                Problem::new(
                    ErrorCode::MalformedRequest,
                    "the body could not be read to its end",
                )
            }
        })
}

fn no_image(detail: &str) -> Problem {
    Problem::new(ErrorCode::NoImage, detail)
}

fn too_many(limit: usize) -> Problem {
    let detail = format!("the request holds more than {limit} pictures");
    Problem::new(ErrorCode::TooManyImages, detail).in_field("image")
}
