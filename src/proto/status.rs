//! Problems as gRPC statuses, and back.

use std::time::Duration;

use tonic::{
    Code, Status,
    metadata::{MetadataMap, MetadataValue},
};

use crate::error::{ErrorCode, Problem};

/// The metadata that carries the code of a problem, so that a gateway knows it again.
const CODE: &str = "ocellus-code";

/// The metadata that says after how many milliseconds a request may be sent again.
const RETRY_AFTER: &str = "ocellus-retry-after-ms";

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
    if let Some(wait) = problem.retry_after {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        metadata.insert(RETRY_AFTER, MetadataValue::from(wait));
    }
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
    let mut problem = Problem::new(*code, status.message());
    let wait = status.metadata().get(RETRY_AFTER);
    let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
    problem.retry_after = wait.map(Duration::from_millis);
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_comes_back() {
        for code in ErrorCode::ALL {
            let sent = Problem::new(code, "why");
            assert_eq!(problem(&status(&sent)), Some(sent.clone()));
            let later = sent.retry_after(Duration::from_millis(1300));
            assert_eq!(problem(&status(&later)), Some(later));
        }
        assert_eq!(problem(&Status::unavailable("the line is cut")), None);
    }
}
