//! What a failed request means, in one line: never the client's dump of itself.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// What a failed request means.
#[derive(Debug)]
pub(super) enum Fault {
    /// No such object or bucket.
    NotFound,
    /// The store refuses; what it said.
    Denied(String),
    /// A condition does not hold.
    Changed,
    /// Anything else.
    Other(String),
}

/// The status of the answer, where there was one.
pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

pub(super) fn fault<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> Fault {
    let said = said(error);
    match (status(error), error) {
        (Some(404), _) => Fault::NotFound,
        (Some(401 | 403), _) => Fault::Denied(said),
        (Some(409 | 412), _) => Fault::Changed,
        // Without keys, a request fails before it is sent.
        (None, SdkError::DispatchFailure(_)) if is_without_keys(error) => {
            Fault::Denied("no keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned())
        }
        (Some(status), _) => Fault::Other(format!("the store answered {status}: {said}")),
        (None, SdkError::TimeoutError(_)) => Fault::Other("the store took too long".to_owned()),
        (None, _) => Fault::Other(said),
    }
}

fn is_without_keys(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("credential") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What the store said of it; else the innermost cause, which says what a person can act on.
fn said<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> String {
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code);
    let message = service.and_then(ProvideErrorMetadata::message);
    match (code, message) {
        (Some(code), Some(message)) => one_line(&format!("{code}: {message}")),
        (Some(code), None) => one_line(code),
        (None, _) => innermost(error),
    }
}

/// The innermost cause of an error.
pub(super) fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => one_line(&error.to_string()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
