//! Base64 as it is written in JSON.

use std::borrow::Cow;

/// A text in base64 without the white space that breaks it into lines: command lines and phones put
/// some in (RFC 2045).
#[must_use]
pub fn unbroken(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_whitespace()) {
        Cow::Owned(text.split_ascii_whitespace().collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined() {
        let check = |text: &str, expected: &str| assert_eq!(unbroken(text), expected, "{text:?}");
        check("aGk=", "aGk=");
        check(" aG\r\nk=\n\t", "aGk=");
        check("", "");
        check("\n", "");
        check("a\u{a0}b", "a\u{a0}b");
    }
}
