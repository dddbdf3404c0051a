//! What led to an error.

use std::error::Error;

/// An error with everything that led to it, for the log: many a library says of its own no more
/// than that something was not sent.
#[must_use]
pub fn causes(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("not sent")]
    struct NotSent(#[source] std::num::ParseIntError);

    #[test]
    fn an_error_is_said_with_what_led_to_it() {
        let cause = "".parse::<u8>().expect_err("is no number");
        let words = format!("not sent: {cause}");
        assert_eq!(causes(&NotSent(cause.clone())), words);
        assert_eq!(causes(&cause), cause.to_string());
    }
}
