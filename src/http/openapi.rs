//! What the API's description says beside its routes.

use utoipa::openapi::{Info, License, OpenApi, OpenApiBuilder, tag::TagBuilder};

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
