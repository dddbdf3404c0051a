//! In which words a failure is answered: each protocol has its own.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tonic::Code;

use crate::{error::Problem, proto::status::code, protocols::tensorflow::fault::Fault};

/// The protocol of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Ocellus's own: RFC 9457.
    Ocellus,
    /// TensorFlow Serving's REST interface.
    TensorFlow,
    /// Open Inference Protocol v2.
    OpenInference,
}

impl Dialect {
    /// The protocol that a path speaks.
    pub(super) fn of(path: &str) -> Self {
        if path == "/v2" || path.starts_with("/v2/") {
            Self::OpenInference
        } else if path.starts_with("/v1/models/") && (path.contains(':') || is_metadata(path)) {
            Self::TensorFlow
        } else {
            Self::Ocellus
        }
    }

    /// A failure in the protocol's words; `None` where those are Ocellus's own.
    pub(super) fn refusal(self, problem: &Problem) -> Option<Response> {
        match self {
            Self::Ocellus => None,
            Self::TensorFlow => Some(fault(&Fault::from(problem))),
            Self::OpenInference => {
                let words = Fault::from(problem).message;
                Some(
                    (
                        open_inference_status(problem),
                        Json(json!({ "error": words })),
                    )
                        .into_response(),
                )
            }
        }
    }
}

/// Paths below a model that are TensorFlow Serving's alone.
fn is_metadata(path: &str) -> bool {
    let mut parts = path.trim_start_matches("/v1/models/").split('/').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("metadata"), None, None) => true,
        (Some("versions" | "labels"), Some(_), rest) => matches!(rest, None | Some("metadata")),
        _ => false,
    }
}

/// As Triton answers: what is missing 404, what is not ready 503, what is broken 500; and, where
/// it has nothing of its own to say, what HTTP says. Else 400.
fn open_inference_status(problem: &Problem) -> StatusCode {
    let own = StatusCode::from_u16(problem.code.status());
    let own = own.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match code(problem.code) {
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::ResourceExhausted
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::PermissionDenied
        | Code::Unauthenticated => own,
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => StatusCode::BAD_REQUEST,
    }
}

/// A failure as TensorFlow Serving answers it.
pub(super) fn fault(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(json!({ "error": fault.message }))).into_response();
    response.extensions_mut().insert(Said);
    response
}

/// Marks an answer that says what went wrong in its protocol's own words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said;

#[cfg(test)]
mod tests {
    use crate::error::ErrorCode;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_body_has_one_status_in_every_protocol() {
        let check = |code: ErrorCode, status: u16| {
            for dialect in [Dialect::TensorFlow, Dialect::OpenInference] {
                let refusal = dialect.refusal(&Problem::new(code, "why"));
                let refusal = refusal.expect("in its own words");
                assert_eq!(refusal.status(), status, "{dialect:?} {code:?}");
            }
        };
        check(ErrorCode::BodyTooLarge, 413);
        check(ErrorCode::BodyTooSlow, 408);
        check(ErrorCode::QueueFull, 429);
        check(ErrorCode::Overloaded, 503);
    }

    #[test]
    fn each_path_has_its_protocol() {
        let check = |path: &str, dialect: Dialect| assert_eq!(Dialect::of(path), dialect, "{path}");
        check("/v1/models", Dialect::Ocellus);
        check("/v1/models/cat", Dialect::Ocellus);
        check("/v1/models/cat/infer", Dialect::Ocellus);
        check("/v1/models/cat/versions/1/infer", Dialect::Ocellus);
        check("/v1/models/cat:predict", Dialect::TensorFlow);
        check("/v1/models/cat/versions/1:predict", Dialect::TensorFlow);
        check("/v1/models/cat/metadata", Dialect::TensorFlow);
        check("/v1/models/cat/labels/stable/metadata", Dialect::TensorFlow);
        check("/v1/models/cat/versions/1", Dialect::TensorFlow);
        check("/v2", Dialect::OpenInference);
        check("/v2/models/cat/infer", Dialect::OpenInference);
        check("/v20", Dialect::Ocellus);
    }
}
