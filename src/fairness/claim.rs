//! Who asks for work, how urgently, and until when it is of use.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use super::priority::Priority;

/// Who shares with others: a key, a certificate, an address. Equal text is the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// Longest text of one, in bytes, that another process is believed.
    pub const MAX_BYTES: usize = 256;

    /// The one of this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self::new("")
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A claim to be served: in whose turn, before whom, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// In whose turn.
    pub tenant: Tenant,
    /// Before whom.
    pub priority: Priority,
    /// When the answer is of no use any more.
    pub deadline: Option<Instant>,
}

impl Claim {
    /// The same claim with this deadline, where that is the earlier one.
    #[must_use]
    pub fn until(mut self, deadline: Option<Instant>) -> Self {
        let both = self
            .deadline
            .zip(deadline)
            .map(|(own, other)| own.min(other));
        self.deadline = both.or(self.deadline).or(deadline);
        self
    }

    /// Time that is left; `None` where it has no end.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_deadline_holds() {
        let now = Instant::now();
        let at = |seconds| Some(now + Duration::from_secs(seconds));
        let check = |own, other, expected| {
            let claim = Claim {
                deadline: own,
                ..Claim::default()
            };
            assert_eq!(claim.until(other).deadline, expected);
        };
        check(at(1), at(2), at(1));
        check(at(2), at(1), at(1));
        check(None, at(1), at(1));
        check(at(1), None, at(1));
        check(None, None, None);
    }
}
