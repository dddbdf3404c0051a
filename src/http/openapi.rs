//! What the API's description says beside its routes.

use utoipa::openapi::{
    ComponentsBuilder, Info, License, OpenApi, OpenApiBuilder,
    security::{
        ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
    },
    tag::TagBuilder,
};

use super::access::API_KEY;

/// An API key or a provider's token, as `Authorization: Bearer`.
const BEARER: &str = "bearer";

/// A key in a header of its own.
const HEADER: &str = "header";

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
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let header = ApiKey::Header(ApiKeyValue::new(API_KEY.as_str()));
    let components = ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .security_scheme(HEADER, SecurityScheme::ApiKey(header))
        .build();
    let none: [&str; 0] = [];
    // Either, or neither where no key is configured.
    let security = [
        SecurityRequirement::default(),
        SecurityRequirement::new(BEARER, none),
        SecurityRequirement::new(HEADER, none),
    ];
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some(security))
        .tags(Some([
            tag("inference", "Ask a model what it sees in a picture."),
            tag("models", "What there is to ask."),
        ]))
        .build()
}
