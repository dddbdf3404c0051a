//! One result of an inference, as the API answers it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{geometry::Rect, model::golden::GoldenResult};

/// One thing the model found: a class of the whole picture, or an object in it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Prediction {
    /// The name of the class; its number where the model names none.
    #[schema(example = "cat")]
    pub label: String,
    /// The model's index of the class.
    #[schema(example = 15)]
    pub class_id: usize,
    /// How sure the model is, in 0..=1; any number where the model answers raw logits.
    #[schema(example = 0.93)]
    pub confidence: f32,
    /// Where the object is, in pixels of the upright picture. Absent for a class of the whole
    /// picture.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rect: Option<Rect>,
    /// The object's points in the model's order. Absent where the model has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub keypoints: Vec<Keypoint>,
}

impl From<&Prediction> for GoldenResult {
    fn from(prediction: &Prediction) -> Self {
        Self {
            label: prediction.label.clone(),
            confidence: prediction.confidence,
            rect: prediction.rect,
        }
    }
}

/// A point of an object, in pixels of the upright picture.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Keypoint {
    /// What the point is, where the model names its points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "left_eye")]
    pub name: Option<String>,
    /// Distance from the left edge.
    pub x: f32,
    /// Distance from the top edge.
    pub y: f32,
    /// How sure the model is of this point, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub confidence: Option<f32>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_there_is_none_of_is_absent() {
        let class = Prediction {
            label: "cat".to_owned(),
            class_id: 15,
            confidence: 0.5,
            rect: None,
            keypoints: Vec::new(),
        };
        assert_eq!(
            serde_json::to_value(&class).expect("serialises"),
            json!({"label": "cat", "class_id": 15, "confidence": 0.5})
        );
        let face = Prediction {
            rect: Some(Rect {
                x1: 1.0,
                y1: 2.0,
                x2: 3.0,
                y2: 4.0,
            }),
            keypoints: vec![Keypoint {
                name: None,
                x: 1.5,
                y: 2.5,
                confidence: None,
            }],
            ..class
        };
        assert_eq!(
            serde_json::to_value(&face).expect("serialises"),
            json!({
                "label": "cat", "class_id": 15, "confidence": 0.5,
                "box": {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0},
                "keypoints": [{"x": 1.5, "y": 2.5}],
            })
        );
    }
}
