//! The last step: class ids and point numbers get their names.

use super::candidate::{Candidate, ClassScore};
use super::prediction::{Keypoint, Prediction};
use crate::model::labels::Labels;

/// A class of the whole picture, by name.
#[must_use]
pub fn class(score: ClassScore, labels: &Labels) -> Prediction {
    Prediction {
        label: labels.name(score.class_id),
        class_id: score.class_id,
        confidence: score.confidence,
        rect: None,
        keypoints: Vec::new(),
    }
}

/// An object in the picture, by name. Points beyond `point_names` stay without one.
#[must_use]
pub fn object(candidate: Candidate, labels: &Labels, point_names: &[String]) -> Prediction {
    let point_names = point_names.iter().cloned().map(Some);
    Prediction {
        label: labels.name(candidate.class_id),
        class_id: candidate.class_id,
        confidence: candidate.confidence,
        rect: Some(candidate.rect),
        keypoints: candidate
            .keypoints
            .into_iter()
            .zip(point_names.chain(std::iter::repeat(None)))
            .map(|(keypoint, name)| Keypoint {
                name,
                x: keypoint.point.x,
                y: keypoint.point.y,
                confidence: keypoint.confidence,
            })
            .collect(),
    }
}
