//! The logistic function, and thresholds on its other side.

use crate::model::contract::output::ScoresAre;

/// The logistic function `1 / (1 + e^-x)`, in 0..=1.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// A score as a probability.
pub(super) fn probability(score: f32, scores_are: ScoresAre) -> f32 {
    match scores_are {
        ScoresAre::Logits => sigmoid(score),
        ScoresAre::Probabilities => score,
    }
}

/// A score below which no probability reaches `floor`: most scores of a dense head are told off
/// by one comparison, without an exponential. Scores above still have to be checked.
pub(super) fn cutoff(floor: f32, scores_are: ScoresAre) -> f32 {
    match scores_are {
        ScoresAre::Probabilities => floor,
        ScoresAre::Logits if floor <= 0.0 => f32::NEG_INFINITY,
        ScoresAre::Logits => {
            // From about 17 on the logistic function rounds to 1, where its inverse is infinite.
            let floor = floor.min(1.0 - f32::EPSILON);
            (floor / (1.0 - floor)).ln() - 0.01
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sigmoid_of_known_numbers() {
        let check = |x: f32, expected: f32| {
            assert!((sigmoid(x) - expected).abs() < 1e-6, "{x}: {}", sigmoid(x));
        };
        check(0.0, 0.5);
        check(2.0, 0.880_797);
        check(-2.0, 0.119_203);
        check(1e30, 1.0);
        check(-1e30, 0.0);
    }

    proptest! {
        #[test]
        fn the_cutoff_loses_nothing(score in -30.0_f32..30.0, floor in 0.0_f32..=1.0) {
            let probability = probability(score, ScoresAre::Logits);
            if probability >= floor {
                prop_assert!(score >= cutoff(floor, ScoresAre::Logits));
            }
        }
    }
}
