//! From a model's output tensors to an answer in the picture's own pixels.
//!
//! Pure: no runtime, file, network or clock. The steps are the lines of [`postprocess`]; each
//! lives in the file of its name. To teach Ocellus another head, see [`decoder`].

pub mod candidate;
pub mod decoder;
pub mod error;
pub mod filter;
pub mod label;
pub mod map_back;
pub mod nms;
pub mod prediction;
pub mod ranking;
pub mod render;
pub mod selection;

use crate::geometry::Geometry;
use crate::model::contract::output::Output;
use crate::model::labels::Labels;
use crate::tensor::Tensor;

use decoder::Found;
use error::DecodeError;
use filter::Filter;
use prediction::Prediction;
use selection::Selection;

/// The model's outputs for one picture, by role. Each tensor keeps its batch axis of 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outputs<'a> {
    /// Scores of classes.
    pub scores: Option<&'a Tensor>,
    /// Boxes.
    pub boxes: Option<&'a Tensor>,
    /// Keypoints of each box.
    pub keypoints: Option<&'a Tensor>,
    /// Finished rows of box, score and class.
    pub detections: Option<&'a Tensor>,
}

/// What the model found in one picture, best first, in the upright picture's pixels.
///
/// The confidence threshold and the class filter are applied while decoding, so that the hundreds
/// of thousands of scores of a dense head are read once and never copied. Suppression is lazy:
/// it stops as soon as `max_detections` boxes lie in the picture.
///
/// # Errors
/// When an output is missing, has another shape than the contract's decoder reads, or holds
/// scores that are no numbers.
pub fn postprocess(
    outputs: &Outputs<'_>,
    output: &Output,
    labels: &Labels,
    geometry: &Geometry,
    selection: &Selection,
) -> Result<Vec<Prediction>, DecodeError> {
    let filter = Filter::new(output, selection);
    Ok(
        match decoder::decode(outputs, output, geometry.input, &filter)? {
            Found::Classes(scores) => ranking::best(scores, selection.top_k)
                .into_iter()
                .map(|score| label::class(score, labels))
                .collect(),
            Found::Boxes(candidates) => nms::suppress(candidates, output.nms(), selection.iou)
                .filter_map(|candidate| map_back::map_back(candidate, geometry))
                .take(selection.max_detections)
                .map(|candidate| label::object(candidate, labels, &output.keypoint_names))
                .collect(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::decoder::fixture::{output, selection, tensor};
    use super::*;
    use crate::geometry::{Rect, Size};
    use crate::model::contract::output::{BoxFormat, BoxUnits, Decoder};

    /// 200×100 at the top of 100×100.
    const LETTERBOX: Geometry = Geometry {
        picture: Size::new(200, 100),
        input: Size::new(100, 100),
        scale: [0.5, 0.5],
        offset: [0.0, 0.0],
    };

    #[test]
    fn a_classification_is_named_and_best_first() {
        let scores = tensor(&[1, 4], &[0.1, 0.2, 0.4, 0.3]);
        let outputs = Outputs {
            scores: Some(&scores),
            ..Outputs::default()
        };
        let labels = Labels::parse("ant\nbee\ncat\ndog").expect("valid");
        let wanted = Selection {
            top_k: 2,
            ..selection()
        };
        let contract = output(Decoder::Logits);
        let answer =
            postprocess(&outputs, &contract, &labels, &LETTERBOX, &wanted).expect("decodes");
        let names: Vec<&str> = answer.iter().map(|found| found.label.as_str()).collect();
        assert_eq!(names, ["cat", "dog"]);
        assert_eq!(answer[0].rect, None);
    }

    const DOG: Rect = Rect {
        x1: 20.0,
        y1: 22.0,
        x2: 60.0,
        y2: 60.0,
    };

    /// As an SSD answers: background first, normalised, top before left.
    #[test]
    fn a_detection_goes_through_all_steps() {
        let boxes = [
            [0.10, 0.10, 0.30, 0.30],
            [0.11, 0.10, 0.30, 0.30],
            [0.60, 0.10, 0.90, 0.30],
            [0.20, 0.50, 0.40, 0.90],
        ];
        let scores = [
            [0.9, 0.0, 0.7],
            [0.1, 0.0, 0.8],
            [0.0, 0.9, 0.0],
            [0.0, 0.6, 0.1],
        ];
        let keypoints: Vec<f32> = [0.2, 0.25].repeat(8);
        let boxes = tensor(&[1, 4, 4], boxes.as_flattened());
        let scores = tensor(&[1, 4, 3], scores.as_flattened());
        let keypoints = tensor(&[1, 4, 2, 2], &keypoints);
        let outputs = Outputs {
            scores: Some(&scores),
            boxes: Some(&boxes),
            keypoints: Some(&keypoints),
            detections: None,
        };
        let contract = Output {
            box_format: Some(BoxFormat::Yxyx),
            box_units: Some(BoxUnits::Normalized),
            background_class: Some(0),
            keypoint_names: vec!["nose".to_owned()],
            ..output(Decoder::ScoredBoxes)
        };
        let labels = Labels::parse("cat\ndog").expect("valid").with_background(0);
        let wanted = Selection {
            confidence: 0.5,
            ..selection()
        };
        let answer =
            postprocess(&outputs, &contract, &labels, &LETTERBOX, &wanted).expect("decodes");

        // The third box lies in the padding, the first is suppressed by the second.
        let names: Vec<_> = answer
            .iter()
            .map(|found| (found.label.as_str(), found.class_id))
            .collect();
        assert_eq!(names, [("dog", 2), ("cat", 1)]);
        let overlap = answer[0].rect.expect("a box").iou(&DOG);
        assert!((overlap - 1.0).abs() < 1e-4, "{:?}", answer[0].rect);
        let points: Vec<_> = answer[0]
            .keypoints
            .iter()
            .map(|point| (point.name.as_deref(), point.x, point.y))
            .collect();
        assert_eq!(points, [(Some("nose"), 40.0, 50.0), (None, 40.0, 50.0)]);

        let one = Selection {
            max_detections: 1,
            ..wanted
        };
        let answer = postprocess(&outputs, &contract, &labels, &LETTERBOX, &one);
        assert_eq!(answer.expect("decodes").len(), 1);
    }
}
