//! Golden answers: what a version must say about pictures that its publisher chose.
//!
//! `golden/<name>.json` names a picture that lies beside it and the results that it must give.

use serde::{Deserialize, Serialize};

use crate::geometry::Rect;

/// The folder of golden pictures and answers in a version's folder.
pub const GOLDEN_FOLDER: &str = "golden";

/// What a version must say about one picture, with the contract's own defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden {
    /// The picture's file name.
    pub picture: String,
    /// Every result, best first.
    pub results: Vec<GoldenResult>,
    /// How far a result may be off.
    #[serde(default)]
    pub tolerance: Tolerance,
}

/// One result that must be found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenResult {
    /// The name of its class.
    pub label: String,
    /// How sure the model is.
    pub confidence: f32,
    /// Where it is, in pixels of the upright picture.
    #[serde(rename = "box", default, skip_serializing_if = "Option::is_none")]
    pub rect: Option<Rect>,
}

/// How far a result may be off: engines and processors differ in the last digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    /// Largest difference in confidence.
    pub confidence: f32,
    /// Least intersection over union of boxes.
    pub iou: f32,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self {
            confidence: 0.02,
            iou: 0.9,
        }
    }
}

impl Golden {
    /// What differs between this answer and the one that was given; `None` where nothing does.
    ///
    /// Results near the confidence threshold may be there or not: only those that are sure by
    /// more than the tolerance must be found, and none may appear that is.
    #[must_use]
    pub fn difference(&self, given: &[GoldenResult], threshold: f32) -> Option<String> {
        let sure =
            |result: &&GoldenResult| threshold + self.tolerance.confidence < result.confidence;
        let lacking = self
            .results
            .iter()
            .filter(sure)
            .find(|expected| !given.iter().any(|result| self.agree(expected, result)));
        if let Some(expected) = lacking {
            let nearest = given.iter().find(|result| result.label == expected.label);
            let said = nearest.or(given.first()).map_or_else(
                || "nothing".to_owned(),
                |result| format!("{} {:.3}", result.label, result.confidence),
            );
            let GoldenResult {
                label, confidence, ..
            } = expected;
            return Some(format!(
                "{} must give {label} {confidence:.3}, it gave {said}",
                self.picture
            ));
        }
        let surplus = given.iter().filter(sure).find(|result| {
            !self
                .results
                .iter()
                .any(|expected| self.agree(expected, result))
        })?;
        let GoldenResult {
            label, confidence, ..
        } = surplus;
        Some(format!(
            "{} must not give {label} {confidence:.3}",
            self.picture
        ))
    }

    fn agree(&self, expected: &GoldenResult, given: &GoldenResult) -> bool {
        let boxes = match (expected.rect, given.rect) {
            (Some(expected), Some(given)) => self.tolerance.iou <= expected.iou(&given),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let apart = (expected.confidence - given.confidence).abs();
        expected.label == given.label && apart <= self.tolerance.confidence && boxes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(label: &str, confidence: f32, left: f32) -> GoldenResult {
        let rect = Rect {
            x1: left,
            y1: 0.0,
            x2: left + 10.0,
            y2: 10.0,
        };
        GoldenResult {
            label: label.to_owned(),
            confidence,
            rect: Some(rect),
        }
    }

    #[test]
    fn answers_agree_within_the_tolerance_and_above_the_threshold() {
        let golden = Golden {
            picture: "cat.jpg".to_owned(),
            results: vec![result("cat", 0.9, 0.0), result("dog", 0.51, 50.0)],
            tolerance: Tolerance::default(),
        };
        let check = |given: &[GoldenResult], expected: Option<&str>| {
            let difference = golden.difference(given, 0.5);
            match expected {
                None => assert_eq!(difference, None),
                Some(part) => {
                    let text = difference.expect(part);
                    assert!(text.contains(part), "{text} lacks {part}");
                }
            }
        };
        check(&golden.results, None);
        check(&[result("cat", 0.89, 0.2)], None);
        check(
            &[result("cat", 0.85, 0.0)],
            Some("must give cat 0.900, it gave cat 0.850"),
        );
        check(&[result("cat", 0.9, 3.0)], Some("must give cat"));
        check(&[], Some("it gave nothing"));
        check(
            &[result("cat", 0.9, 0.0), result("emu", 0.9, 90.0)],
            Some("must not give emu 0.900"),
        );
    }
}
