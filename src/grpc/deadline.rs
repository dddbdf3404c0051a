//! The deadline that a call brings along, in its `grpc-timeout` header.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;
use tonic::{Status, metadata::MetadataMap};

use crate::error::{ErrorCode, Problem};

/// How long a call may take: what it says, at most `longest`.
///
/// # Errors
/// When its header is not as the protocol writes it.
pub(super) fn longest(metadata: &MetadataMap, longest: Duration) -> Result<Duration, Status> {
    let Some(header) = metadata.get("grpc-timeout") else {
        return Ok(longest);
    };
    let timeout = header.to_str().ok().and_then(parse);
    let invalid = || Status::invalid_argument("grpc-timeout is not a number and a unit");
    Ok(timeout.ok_or_else(invalid)?.min(longest))
}

/// At most eight digits and a unit, as the gRPC specification writes it.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// What the work gives, if that is before the deadline. What is not begun by then never is.
///
/// # Errors
/// Those of the work; `deadline_exceeded` when it is late.
pub(super) async fn in_time<T>(
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    let late = |_| {
        let detail = "the call's deadline passed before it was answered";
        Problem::new(ErrorCode::DeadlineExceeded, detail)
    };
    timeout_at(deadline.into(), work).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_they_are_written() {
        assert_eq!(parse("100m"), Some(Duration::from_millis(100)));
        assert_eq!(parse("2S"), Some(Duration::from_secs(2)));
        assert_eq!(
            parse("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3600))
        );
        for wrong in ["", "m", "10", "1x", "-1S", "123456789S", "1é"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
