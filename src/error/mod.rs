//! Problems as callers see them, and errors as the log has them.

mod causes;
mod code;

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

pub use causes::causes;
pub use code::ErrorCode;

/// A failure in words for the caller: a code to branch on and a sentence that helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// What went wrong.
    pub code: ErrorCode,
    /// What exactly, and what would be accepted. Never holds internals, keys or image bytes.
    pub detail: String,
    /// The field of the request that is at fault, where there is one.
    pub field: Option<String>,
    /// When the request may be sent again, where that is known.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem without a field.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: shortened(detail.into()),
            field: None,
            retry_after: None,
        }
    }

    /// The same problem, blamed on a field of the request.
    #[must_use]
    pub fn in_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(shortened(field.into()));
        self
    }

    /// The same problem, which will be gone after so long.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The RFC 9457 document of this problem.
    #[must_use]
    pub fn document(&self, request_id: Option<&str>) -> ProblemDocument {
        ProblemDocument {
            kind: format!("urn:ocellus:problem:{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status(),
            code: self.code,
            detail: self.detail.clone(),
            field: self.field.clone(),
            request_id: request_id.map(str::to_owned),
        }
    }
}

/// An RFC 9457 problem document, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// A URN that names the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:ocellus:problem:undecodable_image")]
    pub kind: String,
    /// A constant summary of the code.
    pub title: String,
    /// The HTTP status of this code.
    #[schema(example = 422)]
    pub status: u16,
    /// The stable code to branch on.
    pub code: ErrorCode,
    /// What exactly went wrong here, and what would be accepted.
    pub detail: String,
    /// The field of the request that is at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// The id under which the log knows this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub request_id: Option<String>,
}

impl From<&ProblemDocument> for Problem {
    fn from(document: &ProblemDocument) -> Self {
        let ProblemDocument {
            code,
            detail,
            field,
            ..
        } = document.clone();
        Self {
            code,
            detail,
            field,
            retry_after: None,
        }
    }
}
/// Longest words of an error, in bytes: they may quote what a caller sent, which may be of any length.
const LONGEST: usize = 2048;

/// Words, cut where they are too long.
#[must_use]
pub fn shortened(mut words: String) -> String {
    if LONGEST < words.len() {
        let end = (0..=LONGEST).rfind(|end| words.is_char_boundary(*end));
        words.truncate(end.unwrap_or(0));
        words.push('…');
        words.shrink_to_fit();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_between_letters() {
        assert_eq!(shortened("as they are".to_owned()), "as they are");
        let cut = shortened("é".repeat(5000));
        assert!(
            cut.len() <= LONGEST + "…".len() && cut.ends_with("é…"),
            "{}",
            cut.len()
        );
    }
}
