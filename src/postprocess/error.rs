//! Why a model's outputs could not be read as its contract says.

use crate::error::{ErrorCode, Problem};

/// Why a model's outputs could not be read as its contract says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The decoder reads an output that the model did not give.
    #[error("the model gave no output `{output}`")]
    MissingOutput {
        /// The output's role.
        output: &'static str,
    },
    /// The output has another shape than the decoder reads.
    #[error("output `{output}` has shape {got:?}, wanted {wanted}")]
    WrongShape {
        /// The output's role.
        output: &'static str,
        /// The shapes that the decoder reads.
        wanted: String,
        /// The shape that the model gave.
        got: Vec<usize>,
    },
    /// Scores are NaN or infinite.
    #[error("the model answered NaN or infinity in output `{output}`")]
    NonFiniteScores {
        /// The output's role.
        output: &'static str,
    },
}

impl From<DecodeError> for Problem {
    fn from(error: DecodeError) -> Self {
        Self::new(
            ErrorCode::InferenceFailed,
            format!("The model's answer does not fit its contract: {error}."),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_reads_what_was_wanted_and_what_came() {
        let problem = Problem::from(DecodeError::WrongShape {
            output: "boxes",
            wanted: "[1, n, 4]".to_owned(),
            got: vec![1, 84],
        });
        assert_eq!(problem.code, ErrorCode::InferenceFailed);
        assert_eq!(
            problem.detail,
            "The model's answer does not fit its contract: \
             output `boxes` has shape [1, 84], wanted [1, n, 4]."
        );
    }
}
