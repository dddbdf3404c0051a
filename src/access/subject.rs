//! Whom a token is of.

use std::{fmt, sync::Arc};

/// Longest subject, in bytes: those of `OpenID` Connect are of 255 at most.
pub const MAX_SUBJECT: usize = 255;

/// Whom a token is of, in the words of who issued it. It prints nothing that could end a line of
/// the log or begin another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// `None` for text that is empty or longer than [`MAX_SUBJECT`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = !text.is_empty() && text.len() <= MAX_SUBJECT;
        is_one.then(|| Self(text.into()))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_debug().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_bounded_and_stays_on_its_line() {
        assert_eq!(Subject::parse(""), None);
        assert_eq!(Subject::parse(&"a".repeat(256)), None);
        let longest = Subject::parse(&"a".repeat(255)).expect("one");
        assert_eq!(longest.to_string().len(), 255);
        let hostile = Subject::parse("ann\r\n\u{1b}[2Jkey admin\u{202e}").expect("one");
        assert_eq!(hostile.to_string(), r"ann\r\n\u{1b}[2Jkey admin\u{202e}");
    }
}
