//! Failures in TensorFlow Serving's words, which its clients may look for.

use tonic::Code;

use crate::{
    error::{ErrorCode, Problem, shortened},
    inference::request::ModelSpec,
    model::name::Label,
    proto::status::code,
    serving::choice::VersionChoice,
};

/// A failure: a code of gRPC's, and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code, which gRPC sends and REST makes a status of.
    pub code: Code,
    /// What it is in Ocellus's own words, for metrics.
    pub kind: ErrorCode,
    /// What went wrong.
    pub message: String,
}

impl Fault {
    /// The caller's own fault.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: Code::InvalidArgument,
            kind: ErrorCode::MalformedRequest,
            message: shortened(message.into()),
        }
    }

    /// Something that there is not.
    #[must_use]
    pub fn missing(kind: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: Code::NotFound,
            kind,
            message: message.into(),
        }
    }

    /// A problem with a model that was asked.
    #[must_use]
    pub fn of(problem: &Problem, model: &ModelSpec) -> Self {
        let ModelSpec { name, version } = model;
        match (problem.code, version) {
            (ErrorCode::LabelNotFound, VersionChoice::Label(label)) => Self::no_label(label),
            (ErrorCode::ModelNotFound | ErrorCode::VersionNotFound, version) => {
                let asked = match version {
                    VersionChoice::Version(version) => format!("Specific({name}, {version})"),
                    VersionChoice::Default | VersionChoice::Label(_) => format!("Latest({name})"),
                };
                let message = format!("Servable not found for request: {asked}");
                Self::missing(problem.code, message)
            }
            _ => Self::from(problem),
        }
    }

    /// A label that the model has not.
    #[must_use]
    pub fn no_label(label: &Label) -> Self {
        Self {
            kind: ErrorCode::LabelNotFound,
            ..Self::invalid(format!("Unrecognized servable version label: {label}"))
        }
    }

    /// The HTTP status of the code, as TensorFlow Serving maps it. Of bodies it has no word, so HTTP's
    /// own is said: one that is too large need not be sent again.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        if matches!(self.kind, ErrorCode::BodyTooLarge | ErrorCode::BodyTooSlow) {
            return self.kind.status();
        }
        match self.code {
            Code::Ok => 200,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::NotFound => 404,
            Code::AlreadyExists | Code::Aborted => 409,
            Code::ResourceExhausted => 429,
            Code::Cancelled => 499,
            Code::Unimplemented => 501,
            Code::Unavailable => 503,
            Code::DeadlineExceeded => 504,
            Code::Unknown | Code::Internal | Code::DataLoss => 500,
        }
    }
}

impl From<&Problem> for Fault {
    fn from(problem: &Problem) -> Self {
        let message = match &problem.field {
            Some(field) => format!("{field}: {}", problem.detail),
            None => problem.detail.clone(),
        };
        Self {
            code: code(problem.code),
            kind: problem.code,
            message,
        }
    }
}
