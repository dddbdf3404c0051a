//! Finished rows of box, score and class, as heads give them that choose for themselves:
//! CenterNet, DETR-like exports, and graphs with suppression built in.

use super::coordinates::Coordinates;
use super::sigmoid::probability;
use super::{Found, required, wrong_shape};
use crate::geometry::Size;
use crate::model::contract::output::{Output, ScoresAre};
use crate::model::labels::MAX_LABELS;
use crate::postprocess::Outputs;
use crate::postprocess::candidate::Candidate;
use crate::postprocess::error::DecodeError;
use crate::postprocess::filter::Filter;

/// Reads `detections`: `[1, n, 6]`, each row four numbers of a box, a score and a class counted
/// from 0. Rows with a class below 0, or a probability of 0 or less, are padding.
///
/// # Errors
/// When `detections` is missing, has another shape, or no row has a finite score.
pub(super) fn decode(
    outputs: &Outputs<'_>,
    output: &Output,
    input: Size,
    filter: &Filter<'_>,
) -> Result<Found, DecodeError> {
    let tensor = required(outputs.detections, "detections")?;
    let [1, n, 6] = *tensor.shape() else {
        return Err(wrong_shape("detections", "[1, n, 6]", tensor));
    };
    let coordinates = Coordinates::new(output, input);
    let scores_are = output.scores_are();
    let numbers = tensor.to_f32();
    let (rows, _) = numbers.as_chunks::<6>();
    let candidates = rows
        .iter()
        .filter_map(|&[a, b, c, d, score, class]| {
            Some(Candidate {
                class_id: class_id(class)?,
                confidence: confidence(score, scores_are)?,
                rect: coordinates.rect([a, b, c, d]),
                keypoints: Vec::new(),
            })
        })
        .filter(|candidate| filter.keeps(candidate.class_id, candidate.confidence))
        .collect();
    if 0 < n && rows.iter().all(|[_, _, _, _, score, _]| !score.is_finite()) {
        return Err(DecodeError::NonFiniteScores {
            output: "detections",
        });
    }
    Ok(Found::Boxes(candidates))
}

/// The class that a number means; `None` for padding and for what no class can be.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "checked to lie in 0..MAX_LABELS, where f32 is exact"
)]
fn class_id(number: f32) -> Option<usize> {
    (0.0..MAX_LABELS as f32)
        .contains(&number)
        .then(|| number.round() as usize)
}

/// The confidence that a score means; `None` for padding.
fn confidence(score: f32, scores_are: ScoresAre) -> Option<f32> {
    let is_padding = match scores_are {
        ScoresAre::Probabilities => score <= 0.0,
        ScoresAre::Logits => false,
    };
    (score.is_finite() && !is_padding).then(|| probability(score, scores_are))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{INPUT, output, selection, tensor};
    use super::*;
    use crate::geometry::Rect;
    use crate::model::contract::output::Decoder;

    fn decoded(contract: &Output, shape: &[usize], rows: &[f32]) -> Result<Vec<Candidate>, String> {
        let detections = tensor(shape, rows);
        let outputs = Outputs {
            detections: Some(&detections),
            ..Outputs::default()
        };
        let wanted = selection();
        let filter = Filter::new(contract, &wanted);
        match decode(&outputs, contract, INPUT, &filter) {
            Ok(Found::Boxes(candidates)) => Ok(candidates),
            Ok(Found::Classes(_)) => panic!("boxes are no classes"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn rows_become_candidates_and_padding_does_not() {
        let mut rows = vec![1.0, 2.0, 3.0, 4.0, 0.75, 17.0];
        for [score, class] in [
            [0.0, 3.0],
            [0.5, -1.0],
            [f32::NAN, 3.0],
            [0.5, f32::NAN],
            [0.5, 1e9],
        ] {
            rows.extend([1.0, 2.0, 3.0, 4.0, score, class]);
        }
        let rect = Rect {
            x1: 1.0,
            y1: 2.0,
            x2: 3.0,
            y2: 4.0,
        };
        let expected = Candidate {
            class_id: 17,
            confidence: 0.75,
            rect,
            keypoints: Vec::new(),
        };
        let contract = output(Decoder::EndToEnd);
        assert_eq!(decoded(&contract, &[1, 6, 6], &rows), Ok(vec![expected]));
        assert_eq!(decoded(&contract, &[1, 0, 6], &[]), Ok(Vec::new()));
    }

    #[test]
    fn logits_of_zero_are_no_padding() {
        let contract = Output {
            scores_are: Some(ScoresAre::Logits),
            ..output(Decoder::EndToEnd)
        };
        let rows = [1.0, 2.0, 3.0, 4.0, 0.0, 0.0];
        let found = decoded(&contract, &[1, 1, 6], &rows).expect("decodes");
        assert!((found[0].confidence - 0.5).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_detections() {
        let contract = output(Decoder::EndToEnd);
        let check = |shape: &[usize], rows: &[f32], expected: &str| {
            assert_eq!(decoded(&contract, shape, rows), Err(expected.to_owned()));
        };
        let shape = "output `detections` has shape [1, 1, 7], wanted [1, n, 6]";
        check(&[1, 1, 7], &[0.0; 7], shape);
        let not_finite = "the model answered NaN or infinity in output `detections`";
        check(&[1, 1, 6], &[f32::NAN; 6], not_finite);
    }
}
