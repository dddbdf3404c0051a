//! The description of the API, made from the routes themselves.

use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder, tag::TagBuilder};

use super::routes;

/// The OpenAPI document of the API.
#[must_use]
pub fn openapi() -> OpenApi {
    routes::api().into_openapi()
}

/// Everything of the document but the routes.
pub(super) fn frame() -> OpenApi {
    let mut info = Info::new("Ocellus", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Vision models behind a typed API: upload a picture, get boxes, labels and keypoints in \
         the picture's own upright pixels. Errors are RFC 9457 problems with a stable `code`."
            .to_owned(),
    );
    info.license = Some(License::new("Apache-2.0"));
    let tag = |name: &str, description: &str| {
        TagBuilder::new()
            .name(name)
            .description(Some(description))
            .build()
    };
    OpenApiBuilder::new()
        .info(info)
        .tags(Some([
            tag("inference", "Ask a model what it sees in a picture."),
            tag("models", "What there is to ask."),
        ]))
        .build()
}
