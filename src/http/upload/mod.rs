//! From a request's body to pictures and options, whichever way they were sent.

mod fetched;
mod json;
mod multipart;
mod query;
mod raw;

use axum::{extract::Request, http::header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::task::spawn_blocking;
use tracing::error;

use crate::{
    error::{ErrorCode, Problem},
    inference::{
        memory::{Held, UNPACKED},
        options::InferOptions,
        request::ImageUpload,
    },
};

pub(super) use fetched::fetched;
pub(super) use json::InferJson;
pub(super) use multipart::InferForm;
pub(super) use query::InferOptionsQuery;

use super::{problem::too_large, received::BodyFault, state::EdgeLimits};

/// Bodies longer than this are read where that holds up no other request.
const BRIEF: usize = 1 << 20;

/// What a request carries.
#[derive(Debug)]
pub(super) struct Upload {
    /// At least one.
    pub(super) images: Vec<Sent>,
    pub(super) options: InferOptions,
}

/// A picture, or where it is.
#[derive(Debug)]
pub(super) enum Sent {
    Picture(ImageUpload),
    Url {
        url: String,
        filename: Option<String>,
    },
}

impl Sent {
    fn picture(bytes: Bytes, filename: Option<String>) -> Self {
        let bytes = Ok(bytes);
        Self::Picture(ImageUpload { bytes, filename })
    }
}

/// Reads a request's pictures and options. Options come from the query, too.
pub(super) async fn read(request: Request, limits: &EdgeLimits) -> Result<Upload, Problem> {
    let mut options = query::options(request.uri().query())?;
    if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        let detail = "pictures are compressed already: send the body without Content-Encoding";
        return Err(Problem::new(ErrorCode::UnsupportedMediaType, detail));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.map(|value| value.to_str().unwrap_or("?").to_owned());
    let essence = content_type
        .as_deref()
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    let images = match essence.map(str::to_ascii_lowercase).as_deref() {
        Some("multipart/form-data") => multipart::read(request, limits, &mut options).await?,
        Some("application/json") => {
            let (body, most) = (unpacked(request, limits).await?, limits.images);
            let read = body.read(move |body| json::read(&body, most, options));
            let (images, options) = read.await??;
            return Ok(Upload { images, options });
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

/// The whole body, up to the limit. What was compressed is counted as what it becomes.
pub(super) async fn whole_body(request: Request, limits: &EdgeLimits) -> Result<Bytes, Problem> {
    let held = request.extensions().get::<Held>().cloned();
    let mut parts = request.into_body().into_data_stream();
    let mut body = BytesMut::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| {
            BodyFault::of(&error).unwrap_or_else(|| {
                let detail = "the body could not be read to its end";
                Problem::new(ErrorCode::MalformedRequest, detail)
            })
        })?;
        let length = body.len() + part.len();
        if limits.body_bytes < length {
            return Err(too_large(limits.body_bytes));
        }
        if let Some(held) = &held {
            held.cover(length as u64)?;
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

/// A body with the memory for what it is read into.
#[derive(Debug)]
pub(super) struct Unpacked {
    body: Bytes,
    held: Option<Held>,
}

impl Unpacked {
    /// Reads it. Its memory is held until that is done, also where nobody waits for it any more.
    pub(super) async fn read<T: Send + 'static>(
        self,
        read: impl FnOnce(Bytes) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let Self { body, held } = self;
        if body.len() <= BRIEF {
            return Ok(read(body));
        }
        let done = spawn_blocking(move || {
            let _held = held;
            read(body)
        });
        done.await.map_err(|cause| {
            error!(%cause, "a reader of a body was lost");
            Problem::new(ErrorCode::Internal, "the server's log has the cause")
        })
    }
}

/// The whole body of a request whose body is read into something larger, which is counted too.
pub(super) async fn unpacked(request: Request, limits: &EdgeLimits) -> Result<Unpacked, Problem> {
    unpacked_head(request, limits, None).await
}

/// The same of a body of which only so many bytes at its head are JSON, where they are known.
pub(super) async fn unpacked_head(
    request: Request,
    limits: &EdgeLimits,
    head: Option<usize>,
) -> Result<Unpacked, Problem> {
    let held = request.extensions().get::<Held>().cloned();
    let body = whole_body(request, limits).await?;
    if let Some(held) = &held {
        let json = head.map_or(body.len(), |head| head.min(body.len()));
        let more = (json as u64).saturating_mul(UNPACKED - 1);
        let covered = held.cover((body.len() as u64).saturating_add(more));
        covered.map_err(|mut problem| {
            if problem.code == ErrorCode::BodyTooLarge {
                problem.detail += &format!("; JSON counts {UNPACKED} times");
            }
            problem
        })?;
    }
    Ok(Unpacked { body, held })
}

fn no_image(detail: &str) -> Problem {
    Problem::new(ErrorCode::NoImage, detail)
}

fn too_many(limit: usize) -> Problem {
    let detail = format!("the request holds more pictures than the {limit} of limits.images");
    Problem::new(ErrorCode::TooManyImages, detail).in_field("image")
}
