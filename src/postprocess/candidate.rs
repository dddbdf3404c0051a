//! What decoders yield: scored classes and scored boxes, before they are chosen among.

use std::cmp::Ordering;

use super::ranking::Ranked;
use crate::geometry::{Point, Rect};

/// A class of the whole picture and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScore {
    /// The model's index of the class.
    pub class_id: usize,
    /// The score, in 0..=1 unless the contract asks for raw logits.
    pub confidence: f32,
}

/// A box that may become part of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The model's index of the class.
    pub class_id: usize,
    /// The score, in 0..=1.
    pub confidence: f32,
    /// The box, in pixels of the model's input until it is mapped back to the picture's.
    pub rect: Rect,
    /// The box's points in the model's order, in the same pixels.
    pub keypoints: Vec<CandidatePoint>,
}

/// A point of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CandidatePoint {
    /// Where it is.
    pub point: Point,
    /// How sure the model is of it, where it says so.
    pub confidence: Option<f32>,
}

impl Candidate {
    /// Whether the score is finite, the box has an area, and all points are finite.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let area = self.rect.area();
        self.confidence.is_finite()
            && self.rect.is_finite()
            && area > 0.0
            && area.is_finite()
            && self.keypoints.iter().all(CandidatePoint::is_finite)
    }
}

impl CandidatePoint {
    fn is_finite(&self) -> bool {
        self.point.x.is_finite()
            && self.point.y.is_finite()
            && self.confidence.is_none_or(f32::is_finite)
    }
}

impl Ranked for ClassScore {
    fn rank(&self, other: &Self) -> Ordering {
        other
            .confidence
            .total_cmp(&self.confidence)
            .then(self.class_id.cmp(&other.class_id))
    }
}

/// By confidence, then class, then place: candidates that tie in all of them are the same box.
impl Ranked for Candidate {
    fn rank(&self, other: &Self) -> Ordering {
        other
            .confidence
            .total_cmp(&self.confidence)
            .then(self.class_id.cmp(&other.class_id))
            .then_with(|| self.rect.x1.total_cmp(&other.rect.x1))
            .then_with(|| self.rect.y1.total_cmp(&other.rect.y1))
            .then_with(|| self.rect.x2.total_cmp(&other.rect.x2))
            .then_with(|| self.rect.y2.total_cmp(&other.rect.y2))
    }
}
