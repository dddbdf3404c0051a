//! Problems as gRPC statuses, and back.

use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};

use crate::error::{ErrorCode, Problem};

/// The metadata that carries the code of a problem, so that a gateway knows it again.
const CODE: &str = "ocellus-code";

/// The gRPC code that carries this code.
#[must_use]
pub const fn code(code: ErrorCode) -> Code {
    match code {
        ErrorCode::MalformedRequest
        | ErrorCode::NoImage
        | ErrorCode::InvalidOption
        | ErrorCode::InvalidModelName
        | ErrorCode::InvalidTensor
        | ErrorCode::NotAcceptable
        | ErrorCode::TooManyImages
        | ErrorCode::ImageTooLarge
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::UnsupportedImageFormat
        | ErrorCode::UndecodableImage
        | ErrorCode::UnsupportedImageSize
        | ErrorCode::UrlUnreachable => Code::InvalidArgument,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::PermissionDenied | ErrorCode::UrlRefused => Code::PermissionDenied,
        ErrorCode::ModelNotFound
        | ErrorCode::VersionNotFound
        | ErrorCode::LabelNotFound
        | ErrorCode::RouteNotFound => Code::NotFound,
        ErrorCode::MethodNotAllowed => Code::Unimplemented,
        ErrorCode::BodyTooSlow => Code::Cancelled,
        ErrorCode::BodyTooLarge
        | ErrorCode::RateLimited
        | ErrorCode::QuotaExceeded
        | ErrorCode::QueueFull => Code::ResourceExhausted,
        ErrorCode::ModelNotReady | ErrorCode::Overloaded | ErrorCode::CoreUnavailable => {
            Code::Unavailable
        }
        ErrorCode::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorCode::InferenceFailed | ErrorCode::Internal => Code::Internal,
    }
}

/// A problem as a status. The code travels in its metadata.
#[must_use]
pub fn status(problem: &Problem) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert(CODE, MetadataValue::from_static(problem.code.as_str()));
    let words = match &problem.field {
        Some(field) => format!("{field}: {}", problem.detail),
        None => problem.detail.clone(),
    };
    Status::with_metadata(code(problem.code), words, metadata)
}

/// The problem that a core's status carries; `None` for a status that no core wrote.
#[must_use]
pub fn problem(status: &Status) -> Option<Problem> {
    let named = status.metadata().get(CODE)?.to_str().ok()?;
    let code = ErrorCode::ALL.iter().find(|code| code.as_str() == named)?;
    Some(Problem::new(*code, status.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_comes_back() {
        for code in ErrorCode::ALL {
            let sent = Problem::new(code, "why");
            assert_eq!(problem(&status(&sent)), Some(sent));
        }
        assert_eq!(problem(&Status::unavailable("the line is cut")), None);
    }
}
