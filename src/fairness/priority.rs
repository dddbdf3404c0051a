//! What goes before what.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How urgent work is, the least urgent first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// What can wait: batch jobs. It is refused first.
    Low,
    /// What nobody said anything of.
    #[default]
    Normal,
    /// What somebody waits for. It is refused last.
    High,
}

/// Text that is no priority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no priority; one is high, normal or low")]
pub struct NoPriority(String);

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(super) const fn rank(self) -> usize {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Priority {
    type Err = NoPriority;

    fn from_str(text: &str) -> Result<Self, NoPriority> {
        let named = Self::ALL.into_iter().find(|one| one.as_str() == text);
        named.ok_or_else(|| NoPriority(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_read_as_they_are_written_and_ranked_as_they_are_listed() {
        for (rank, priority) in Priority::ALL.into_iter().enumerate() {
            assert_eq!(priority.to_string().parse(), Ok(priority));
            assert_eq!(priority.rank(), rank);
        }
        assert!(Priority::ALL.is_sorted_by(|more, less| less < more));
        for wrong in ["", "High", "urgent", "0"] {
            assert_eq!(wrong.parse::<Priority>(), Err(NoPriority(wrong.to_owned())));
        }
    }
}
