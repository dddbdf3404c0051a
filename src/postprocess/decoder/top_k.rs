//! Classes of the whole picture: `softmax`, `sigmoid` and `logits`.

use super::sigmoid::sigmoid;
use super::{Found, required, wrong_shape};
use crate::model::contract::output::{Decoder, Output, ScoresAre};
use crate::postprocess::Outputs;
use crate::postprocess::candidate::ClassScore;
use crate::postprocess::error::DecodeError;
use crate::postprocess::filter::Filter;

/// Reads `scores`: `[1, classes]`, `[classes]` or `[1, classes, 1, 1]`. The background class
/// takes its part of a softmax but is never answered.
///
/// # Errors
/// When `scores` is missing, has another shape, or any score is not finite.
pub(super) fn decode(
    outputs: &Outputs<'_>,
    output: &Output,
    filter: &Filter<'_>,
) -> Result<Found, DecodeError> {
    let tensor = required(outputs.scores, "scores")?;
    if !matches!(*tensor.shape(), [n] | [1, n] | [1, n, 1, 1] if 0 < n) {
        return Err(wrong_shape("scores", "[1, classes]", tensor));
    }
    let scores = tensor.to_f32();
    if !scores.iter().all(|score| score.is_finite()) {
        return Err(DecodeError::NonFiniteScores { output: "scores" });
    }
    let activation = Activation::new(output, &scores);
    let kept = scores
        .iter()
        .map(|score| activation.apply(*score))
        .enumerate()
        .filter(|(class_id, confidence)| filter.keeps(*class_id, *confidence))
        .map(|(class_id, confidence)| ClassScore {
            class_id,
            confidence,
        })
        .collect();
    Ok(Found::Classes(kept))
}

/// How a score becomes a confidence.
#[derive(Clone, Copy, Debug)]
enum Activation {
    /// `e^(x - max) / sum`: the maximum is taken off first, so that nothing overflows
    /// (Goodfellow et al., "Deep Learning", 4.1).
    Softmax { max: f32, sum: f64 },
    /// The logistic function.
    Sigmoid,
    /// As it is.
    Identity,
}

impl Activation {
    fn new(output: &Output, scores: &[f32]) -> Self {
        match (output.scores_are(), output.decoder) {
            (ScoresAre::Logits, Decoder::Softmax) => Self::softmax(scores),
            (ScoresAre::Logits, Decoder::Sigmoid) => Self::Sigmoid,
            (ScoresAre::Logits, Decoder::Logits | Decoder::EndToEnd | Decoder::ScoredBoxes)
            | (ScoresAre::Probabilities, _) => Self::Identity,
        }
    }

    fn softmax(scores: &[f32]) -> Self {
        let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum = scores.iter().map(|x| f64::from(x - max).exp()).sum();
        Self::Softmax { max, sum }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a probability, computed in f64, kept in f32"
    )]
    fn apply(self, score: f32) -> f32 {
        match self {
            Self::Softmax { max, sum } => (f64::from(score - max).exp() / sum) as f32,
            Self::Sigmoid => sigmoid(score),
            Self::Identity => score,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixture::{output, selection, tensor};
    use super::*;

    fn classes(contract: &Output, shape: &[usize], scores: &[f32]) -> Vec<ClassScore> {
        let scores = tensor(shape, scores);
        let outputs = Outputs {
            scores: Some(&scores),
            ..Outputs::default()
        };
        let decoded = decode(&outputs, contract, &Filter::new(contract, &selection()));
        match decoded.expect("decodes") {
            Found::Classes(found) => found,
            Found::Boxes(_) => panic!("classes are no boxes"),
        }
    }

    #[test]
    fn confidences_of_each_decoder() {
        let check = |decoder: Decoder, scores_are: Option<ScoresAre>, expected: [f32; 3]| {
            let contract = Output {
                scores_are,
                ..output(decoder)
            };
            let found = classes(&contract, &[1, 3], &[1.0, 0.0, -1.0]);
            assert_eq!(found.len(), 3);
            for (class_id, (score, expected)) in found.iter().zip(expected).enumerate() {
                assert_eq!(score.class_id, class_id);
                assert!((score.confidence - expected).abs() < 1e-6, "{score:?}");
            }
        };
        let as_they_are = Some(ScoresAre::Probabilities);
        check(Decoder::Softmax, None, [0.665_241, 0.244_728, 0.090_031]);
        check(Decoder::Sigmoid, None, [0.731_059, 0.5, 0.268_941]);
        check(Decoder::Logits, None, [1.0, 0.0, -1.0]);
        check(Decoder::Softmax, as_they_are, [1.0, 0.0, -1.0]);
        check(Decoder::Sigmoid, as_they_are, [1.0, 0.0, -1.0]);
    }

    #[test]
    fn softmax_does_not_overflow_and_background_takes_its_part() {
        let contract = Output {
            background_class: Some(0),
            ..output(Decoder::Softmax)
        };
        let found = classes(&contract, &[2], &[3e38, 3e38]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].class_id, 1);
        assert!((found[0].confidence - 0.5).abs() < 1e-6);
    }

    #[test]
    fn shapes_and_numbers_that_are_refused() {
        let check = |shape: &[usize], scores: &[f32], expected: Option<&str>| {
            let scores = tensor(shape, scores);
            let outputs = Outputs {
                scores: Some(&scores),
                ..Outputs::default()
            };
            let contract = output(Decoder::Softmax);
            let error = decode(&outputs, &contract, &Filter::new(&contract, &selection())).err();
            assert_eq!(error.map(|error| error.to_string()).as_deref(), expected);
        };
        check(&[3], &[0.0; 3], None);
        check(&[1, 3, 1, 1], &[0.0; 3], None);
        let shape = "output `scores` has shape [2, 3], wanted [1, classes]";
        check(&[2, 3], &[0.0; 6], Some(shape));
        let shape = "output `scores` has shape [1, 0], wanted [1, classes]";
        check(&[1, 0], &[], Some(shape));
        let not_finite = Some("the model answered NaN or infinity in output `scores`");
        check(&[1, 2], &[0.0, f32::NAN], not_finite);
        check(&[1, 2], &[0.0, f32::INFINITY], not_finite);

        let contract = output(Decoder::Softmax);
        let nothing = decode(
            &Outputs::default(),
            &contract,
            &Filter::new(&contract, &selection()),
        );
        let missing = DecodeError::MissingOutput { output: "scores" };
        assert_eq!(nothing, Err(missing));
    }

    proptest! {
        #[test]
        fn softmax_sums_to_one(scores in prop::collection::vec(-1e4_f32..1e4, 1..300)) {
            let found = classes(&output(Decoder::Softmax), &[1, scores.len()], &scores);
            let sum: f64 = found.iter().map(|score| f64::from(score.confidence)).sum();
            prop_assert!((sum - 1.0).abs() < 1e-4, "sum is {sum}");
        }
    }
}
