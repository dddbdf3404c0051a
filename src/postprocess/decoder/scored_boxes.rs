//! A box and its scores for every anchor, as SSD, BlazeFace and YOLO-like graphs give them once
//! their anchors are decoded in the graph.

use std::cmp::Ordering;

use super::coordinates::Coordinates;
use super::sigmoid::{cutoff, probability};
use super::{Found, required, wrong_shape};
use crate::geometry::Size;
use crate::model::contract::output::Output;
use crate::postprocess::Outputs;
use crate::postprocess::candidate::{Candidate, CandidatePoint};
use crate::postprocess::error::DecodeError;
use crate::postprocess::filter::Filter;
use crate::postprocess::nms::MAX_CANDIDATES;
use crate::postprocess::ranking::{self, Ranked};
use crate::tensor::Tensor;

/// Reads `boxes` `[1, n, 4]` or `[1, n, 1, 4]`, `scores` `[1, n]` or `[1, n, classes]`, and, where
/// given, `keypoints` `[1, n, points, 2]`, `[1, n, points, 3]` with a confidence, or
/// `[1, n, 2 * points]`.
///
/// Scores that are logits go through the logistic function one by one, also those of many
/// classes. Every class over the threshold makes a candidate of its own, as in TensorFlow's
/// `combined_non_max_suppression`. Only the best [`MAX_CANDIDATES`] are built.
///
/// # Errors
/// When `boxes` or `scores` is missing, a shape is another, or no score is finite.
pub(super) fn decode(
    outputs: &Outputs<'_>,
    output: &Output,
    input: Size,
    filter: &Filter<'_>,
) -> Result<Found, DecodeError> {
    let boxes = required(outputs.boxes, "boxes")?;
    let scores = required(outputs.scores, "scores")?;
    let ([1, rows, 4] | [1, rows, 1, 4]) = *boxes.shape() else {
        return Err(wrong_shape("boxes", "[1, n, 4]", boxes));
    };
    let classes = match *scores.shape() {
        [1, n] if n == rows => 1,
        [1, n, classes] if n == rows && 0 < classes => classes,
        _ => {
            let wanted = format!("[1, {rows}] or [1, {rows}, classes]");
            return Err(wrong_shape("scores", wanted, scores));
        }
    };
    let points = outputs
        .keypoints
        .map(|tensor| Points::new(tensor, rows))
        .transpose()?;
    let hits = find_hits(scores, classes, output, filter)?;

    let coordinates = Coordinates::new(output, input);
    let numbers = boxes.to_f32();
    let (quadruples, _) = numbers.as_chunks::<4>();
    let candidates = hits
        .iter()
        .filter_map(|hit| {
            Some(Candidate {
                class_id: hit.class_id,
                confidence: hit.confidence,
                rect: coordinates.rect(*quadruples.get(hit.row)?),
                keypoints: points
                    .as_ref()
                    .map_or_else(Vec::new, |points| points.of_row(hit.row, &coordinates)),
            })
        })
        .collect();
    Ok(Found::Boxes(candidates))
}

/// A score that the filter keeps.
#[derive(Clone, Copy, Debug)]
struct Hit {
    row: usize,
    class_id: usize,
    confidence: f32,
}

impl Ranked for Hit {
    fn rank(&self, other: &Self) -> Ordering {
        other
            .confidence
            .total_cmp(&self.confidence)
            .then(self.class_id.cmp(&other.class_id))
            .then(self.row.cmp(&other.row))
    }
}

/// The scores that the filter keeps: one pass, most rows told off by comparisons alone.
fn find_hits(
    tensor: &Tensor,
    classes: usize,
    output: &Output,
    filter: &Filter<'_>,
) -> Result<Vec<Hit>, DecodeError> {
    let scores = tensor.to_f32();
    let scores_are = output.scores_are();
    let cutoff = cutoff(filter.floor(), scores_are);
    let mut hits = Vec::new();
    for (row, row_scores) in scores.chunks_exact(classes).enumerate() {
        // Without a branch for each score, so that it compiles to vector instructions.
        if !row_scores.iter().fold(false, |any, x| any | (*x >= cutoff)) {
            continue;
        }
        hits.extend(row_scores.iter().enumerate().filter_map(|(class_id, x)| {
            let confidence = probability(*x, scores_are);
            let kept = *x >= cutoff && x.is_finite() && filter.keeps(class_id, confidence);
            kept.then_some(Hit {
                row,
                class_id,
                confidence,
            })
        }));
        // Twice as many, so that dropping the worse half costs O(1) for each hit.
        if 2 * MAX_CANDIDATES <= hits.len() {
            ranking::keep_best(&mut hits, MAX_CANDIDATES);
        }
    }
    if hits.is_empty() && !scores.is_empty() && !scores.iter().any(|x| x.is_finite()) {
        return Err(DecodeError::NonFiniteScores { output: "scores" });
    }
    ranking::keep_best(&mut hits, MAX_CANDIDATES);
    Ok(hits)
}

/// The points of all rows.
#[derive(Debug)]
struct Points<'a> {
    numbers: std::borrow::Cow<'a, [f32]>,
    /// Numbers for each row.
    row: usize,
    /// Numbers for each point: x, y and perhaps a confidence.
    point: usize,
}

impl<'a> Points<'a> {
    fn new(tensor: &'a Tensor, rows: usize) -> Result<Self, DecodeError> {
        let (row, point) = match *tensor.shape() {
            [1, n, points, 2] if n == rows => (2 * points, 2),
            [1, n, points, 3] if n == rows => (3 * points, 3),
            [1, n, numbers] if n == rows && numbers % 2 == 0 => (numbers, 2),
            _ => {
                let wanted = format!("[1, {rows}, points, 2 or 3] or [1, {rows}, 2 * points]");
                return Err(wrong_shape("keypoints", wanted, tensor));
            }
        };
        Ok(Self {
            numbers: tensor.to_f32(),
            row,
            point,
        })
    }

    fn of_row(&self, row: usize, coordinates: &Coordinates) -> Vec<CandidatePoint> {
        let from = row * self.row;
        self.numbers
            .get(from..from + self.row)
            .unwrap_or_default()
            .chunks_exact(self.point)
            .filter_map(|numbers| match *numbers {
                [x, y] => Some((coordinates.point(x, y), None)),
                [x, y, confidence] => Some((coordinates.point(x, y), Some(confidence))),
                _ => None,
            })
            .map(|(point, confidence)| CandidatePoint { point, confidence })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{INPUT, output, selection, tensor};
    use super::*;
    use crate::model::contract::output::{Decoder, ScoresAre};
    use crate::postprocess::selection::Selection;

    const TWO_BOXES: [f32; 8] = [0.0, 0.0, 10.0, 10.0, 20.0, 20.0, 30.0, 30.0];

    fn decoded(
        contract: &Output,
        confidence: f32,
        scores: &Tensor,
        keypoints: Option<&Tensor>,
    ) -> Result<Vec<Candidate>, String> {
        let boxes = tensor(&[1, 2, 4], &TWO_BOXES);
        let outputs = Outputs {
            scores: Some(scores),
            boxes: Some(&boxes),
            keypoints,
            detections: None,
        };
        let wanted = Selection {
            confidence,
            ..selection()
        };
        let filter = Filter::new(contract, &wanted);
        match decode(&outputs, contract, INPUT, &filter) {
            Ok(Found::Boxes(candidates)) => Ok(candidates),
            Ok(Found::Classes(_)) => panic!("boxes are no classes"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_class_over_the_threshold_is_a_candidate() {
        let check = |scores: Tensor, scores_are: ScoresAre, expected: &[(f32, usize, f32)]| {
            let contract = Output {
                scores_are: Some(scores_are),
                background_class: (scores.shape().len() == 3).then_some(0),
                ..output(Decoder::ScoredBoxes)
            };
            let found = decoded(&contract, 0.5, &scores, None).expect("decodes");
            assert_eq!(found.len(), expected.len(), "{scores:?}");
            for (candidate, (x1, class_id, confidence)) in found.iter().zip(expected) {
                assert!((candidate.rect.x1 - x1).abs() < 1e-6, "{candidate:?}");
                assert_eq!(candidate.class_id, *class_id);
                assert!((candidate.confidence - confidence).abs() < 1e-6);
            }
        };
        let sure = ScoresAre::Probabilities;
        check(tensor(&[1, 2], &[0.4, 0.5]), sure, &[(20.0, 0, 0.5)]);
        check(tensor(&[1, 2], &[f32::NAN, 0.5]), sure, &[(20.0, 0, 0.5)]);
        check(
            tensor(&[1, 2, 3], &[0.9, 0.6, 0.7, 0.9, 0.1, 0.8]),
            sure,
            &[(0.0, 1, 0.6), (0.0, 2, 0.7), (20.0, 2, 0.8)],
        );
        check(
            tensor(&[1, 2], &[-0.1, 2.0]),
            ScoresAre::Logits,
            &[(20.0, 0, 0.880_797)],
        );
        check(
            tensor(&[1, 2, 2], &[5.0, 0.0, 5.0, -9.0]),
            ScoresAre::Logits,
            &[(0.0, 1, 0.5)],
        );
    }

    #[test]
    fn keypoints_belong_to_their_row() {
        let contract = output(Decoder::ScoredBoxes);
        let scores = tensor(&[1, 2, 1], &[0.0, 0.9]);
        let numbers: Vec<f32> = (0_u8..12).map(f32::from).collect();
        let check = |shape: &[usize], expected: &[(f32, f32, Option<f32>)]| {
            let keypoints = tensor(shape, &numbers);
            let found = decoded(&contract, 0.5, &scores, Some(&keypoints)).expect("decodes");
            let points: Vec<_> = found[0]
                .keypoints
                .iter()
                .map(|keypoint| (keypoint.point.x, keypoint.point.y, keypoint.confidence))
                .collect();
            assert_eq!(points, expected, "{shape:?}");
        };
        let pairs = [(6.0, 7.0, None), (8.0, 9.0, None), (10.0, 11.0, None)];
        check(&[1, 2, 3, 2], &pairs);
        check(&[1, 2, 6], &pairs);
        let triples = [(6.0, 7.0, Some(8.0)), (9.0, 10.0, Some(11.0))];
        check(&[1, 2, 2, 3], &triples);
    }

    #[test]
    fn shapes_that_do_not_fit_each_other() {
        let contract = output(Decoder::ScoredBoxes);
        let check = |scores: &[usize], keypoints: &[usize], expected: &str| {
            let zeros = |shape: &[usize]| tensor(shape, &vec![0.0; shape.iter().product()]);
            let found = decoded(&contract, 0.5, &zeros(scores), Some(&zeros(keypoints)));
            assert_eq!(found, Err(expected.to_owned()));
        };
        let wrong_scores = "output `scores` has shape [1, 3], wanted [1, 2] or [1, 2, classes]";
        check(&[1, 3], &[1, 2, 6, 2], wrong_scores);
        let wrong_scores = "output `scores` has shape [1, 2, 0], wanted [1, 2] or [1, 2, classes]";
        check(&[1, 2, 0], &[1, 2, 6, 2], wrong_scores);
        let wrong_points = "output `keypoints` has shape [1, 2, 5], \
                            wanted [1, 2, points, 2 or 3] or [1, 2, 2 * points]";
        check(&[1, 2], &[1, 2, 5], wrong_points);
    }

    #[test]
    fn all_nan_is_an_error() {
        let contract = output(Decoder::ScoredBoxes);
        let scores = tensor(&[1, 2], &[f32::NAN; 2]);
        let expected = "the model answered NaN or infinity in output `scores`";
        let found = decoded(&contract, 0.5, &scores, None);
        assert_eq!(found, Err(expected.to_owned()));
    }
}
