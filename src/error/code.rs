//! One closed list of codes, each with a status and a title.

use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong. Codes are stable: clients may branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request body is not valid multipart, JSON or base64.
    MalformedRequest,
    /// A tensor of the request is not what the model takes.
    InvalidTensor,
    /// The request holds no picture.
    NoImage,
    /// An option is unknown, given twice, not a number, or outside its limits.
    InvalidOption,
    /// A model name or version does not follow the naming rules.
    InvalidModelName,
    /// The request shows no key, or one that is not valid.
    Unauthenticated,
    /// What the request shows does not allow what it asks for.
    PermissionDenied,
    /// What the picture's URL names may not be fetched.
    UrlRefused,
    /// No model of that name is known.
    ModelNotFound,
    /// The model is known, the version is not.
    VersionNotFound,
    /// The model is known, the label is not.
    LabelNotFound,
    /// Nothing lives at that path.
    RouteNotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// None of the media types in `Accept` can be produced.
    NotAcceptable,
    /// The body came too slowly.
    BodyTooSlow,
    /// The body is larger than the server's limit.
    BodyTooLarge,
    /// The request holds more pictures than the server's limit.
    TooManyImages,
    /// The picture has more pixels, a longer side or, where it is fetched, more bytes than the
    /// server's limit.
    ImageTooLarge,
    /// The request's `Content-Type` is not one that this route reads.
    UnsupportedMediaType,
    /// The bytes are not a picture in an accepted format.
    UnsupportedImageFormat,
    /// The picture is broken: truncated, corrupt, or of an unsupported kind.
    UndecodableImage,
    /// The picture decodes, but its size does not fit a model that takes pictures as they are.
    UnsupportedImageSize,
    /// What the picture's URL names could not be fetched.
    UrlUnreachable,
    /// The key or the address sends more than it may at the moment.
    RateLimited,
    /// The key has used up what it may do in a day.
    QuotaExceeded,
    /// Too much waits for the model already.
    QueueFull,
    /// The model is known but has no version that can serve yet.
    ModelNotReady,
    /// The server has more work than it can take.
    Overloaded,
    /// No model core can be reached, or the one that was asked went away.
    CoreUnavailable,
    /// The request did not finish within its deadline.
    DeadlineExceeded,
    /// The model failed on this input.
    InferenceFailed,
    /// A defect of the server. The log has the cause under the request id.
    Internal,
}

impl ErrorCode {
    /// Every code, in the order of their statuses.
    pub const ALL: [Self; 32] = [
        Self::MalformedRequest,
        Self::InvalidTensor,
        Self::NoImage,
        Self::InvalidOption,
        Self::InvalidModelName,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::UrlRefused,
        Self::ModelNotFound,
        Self::VersionNotFound,
        Self::LabelNotFound,
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::BodyTooSlow,
        Self::BodyTooLarge,
        Self::TooManyImages,
        Self::ImageTooLarge,
        Self::UnsupportedMediaType,
        Self::UnsupportedImageFormat,
        Self::UndecodableImage,
        Self::UnsupportedImageSize,
        Self::UrlUnreachable,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::QueueFull,
        Self::ModelNotReady,
        Self::Overloaded,
        Self::CoreUnavailable,
        Self::DeadlineExceeded,
        Self::InferenceFailed,
        Self::Internal,
    ];

    /// The HTTP status that carries this code.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedRequest
            | Self::InvalidTensor
            | Self::NoImage
            | Self::InvalidOption
            | Self::InvalidModelName => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied | Self::UrlRefused => 403,
            Self::ModelNotFound
            | Self::VersionNotFound
            | Self::LabelNotFound
            | Self::RouteNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::BodyTooSlow => 408,
            Self::BodyTooLarge | Self::TooManyImages | Self::ImageTooLarge => 413,
            Self::UnsupportedMediaType | Self::UnsupportedImageFormat => 415,
            Self::UndecodableImage | Self::UnsupportedImageSize | Self::UrlUnreachable => 422,
            Self::RateLimited | Self::QuotaExceeded | Self::QueueFull => 429,
            Self::ModelNotReady | Self::Overloaded | Self::CoreUnavailable => 503,
            Self::DeadlineExceeded => 504,
            Self::InferenceFailed | Self::Internal => 500,
        }
    }

    /// A short, constant summary of the code (RFC 9457 `title`).
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request could not be read",
            Self::InvalidTensor => "A tensor does not fit the model",
            Self::NoImage => "The request holds no picture",
            Self::InvalidOption => "An option is not valid",
            Self::InvalidModelName => "That is not a model name or version",
            Self::Unauthenticated => "A valid key is needed",
            Self::PermissionDenied => "That is not allowed",
            Self::UrlRefused => "The picture's URL may not be fetched",
            Self::ModelNotFound => "No such model",
            Self::VersionNotFound => "No such version of the model",
            Self::LabelNotFound => "No such label of the model",
            Self::RouteNotFound => "Nothing lives at this path",
            Self::MethodNotAllowed => "This path does not take that method",
            Self::NotAcceptable => "None of the accepted media types can be produced",
            Self::BodyTooSlow => "The request came too slowly",
            Self::BodyTooLarge => "The request is too large",
            Self::TooManyImages => "The request holds too many pictures",
            Self::ImageTooLarge => "The picture is too large",
            Self::UnsupportedMediaType => "The request's content type is not supported",
            Self::UnsupportedImageFormat => "Not a picture in an accepted format",
            Self::UndecodableImage => "The picture could not be decoded",
            Self::UnsupportedImageSize => "The picture's size does not fit the model",
            Self::UrlUnreachable => "The picture's URL could not be fetched",
            Self::RateLimited => "Too many requests",
            Self::QuotaExceeded => "Too many requests today",
            Self::QueueFull => "Too much waits for the model",
            Self::ModelNotReady => "The model is not ready",
            Self::Overloaded => "The server is overloaded",
            Self::CoreUnavailable => "The model core cannot be reached",
            Self::DeadlineExceeded => "The request took too long",
            Self::InferenceFailed => "The model failed on this input",
            Self::Internal => "Something went wrong in the server",
        }
    }

    /// The code as it is written in JSON and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed_request",
            Self::InvalidTensor => "invalid_tensor",
            Self::NoImage => "no_image",
            Self::InvalidOption => "invalid_option",
            Self::InvalidModelName => "invalid_model_name",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::UrlRefused => "url_refused",
            Self::ModelNotFound => "model_not_found",
            Self::VersionNotFound => "version_not_found",
            Self::LabelNotFound => "label_not_found",
            Self::RouteNotFound => "route_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::NotAcceptable => "not_acceptable",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyTooLarge => "body_too_large",
            Self::TooManyImages => "too_many_images",
            Self::ImageTooLarge => "image_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnsupportedImageFormat => "unsupported_image_format",
            Self::UndecodableImage => "undecodable_image",
            Self::UnsupportedImageSize => "unsupported_image_size",
            Self::UrlUnreachable => "url_unreachable",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::QueueFull => "queue_full",
            Self::ModelNotReady => "model_not_ready",
            Self::Overloaded => "overloaded",
            Self::CoreUnavailable => "core_unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::InferenceFailed => "inference_failed",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once_and_spelled_as_in_json() {
        for (index, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(
                serde_json::to_value(code).expect("serialises"),
                code.as_str()
            );
            assert!(
                !ErrorCode::ALL[..index].contains(code),
                "{code:?} is listed twice"
            );
        }
    }
}
