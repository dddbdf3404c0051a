//! Frames: the boxes of objects.

use super::canvas::{Area, Canvas};
use super::color;
use super::style::Style;
use crate::postprocess::prediction::Prediction;

/// Draws the box of a prediction, where it has one: a line in the class's colour just inside of
/// the box, between two hairlines that contrast with it.
pub(super) fn draw(canvas: &mut Canvas, style: &Style, prediction: &Prediction) {
    let Some(area) = prediction
        .rect
        .and_then(|rect| Area::covered_by(&rect, canvas.size()))
    else {
        return;
    };
    let color = color::of_class(prediction.class_id);
    canvas.ring(area.grown(1), style.line + 2, color::readable_on(color));
    canvas.ring(area, style.line, color);
}
