//! What a request wants kept of the model's answer.

use std::collections::BTreeSet;

/// What a request wants kept of the model's answer, its defaults already filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Most classes of a classification.
    pub top_k: usize,
    /// Results below this are left out; 0 keeps all of them, raw logits below 0 too.
    pub confidence: f32,
    /// Boxes that overlap a better one by more than this intersection over union are left out.
    pub iou: f32,
    /// Most boxes of a detection.
    pub max_detections: usize,
    /// Only these classes, by the model's index. `None` keeps all.
    pub classes: Option<BTreeSet<usize>>,
}
