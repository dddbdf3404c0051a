//! Keypoints, as dots.

use super::canvas::Canvas;
use super::color;
use super::style::Style;
use crate::geometry::Point;
use crate::postprocess::prediction::Prediction;

/// Draws the points of a prediction as dots in the class's colour with a contrasting rim.
pub(super) fn draw(canvas: &mut Canvas, style: &Style, prediction: &Prediction) {
    let color = color::of_class(prediction.class_id);
    let rim = color::readable_on(color);
    for keypoint in &prediction.keypoints {
        let center = Point {
            x: keypoint.x,
            y: keypoint.y,
        };
        canvas.dot(center, style.dot + 1.0, rim);
        canvas.dot(center, style.dot, color);
    }
}
