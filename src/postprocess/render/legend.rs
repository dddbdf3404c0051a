//! The legend: classes of the whole picture, at its top left.

use super::canvas::{Area, Canvas, Paint};
use super::color;
use super::plate::confidence_text;
use super::style::Style;
use crate::postprocess::prediction::Prediction;

/// White text on it can be read over any picture: at least 10 : 1 over pure white.
const SHADE: Paint = Paint {
    color: color::BLACK,
    opacity: 190,
};

/// Draws a panel with a line for each prediction without a box: a swatch in the class's colour,
/// the name, and the confidence. Lines that do not fit into the picture are left out.
pub(super) fn draw(canvas: &mut Canvas, style: &Style, predictions: &[Prediction]) {
    let letters = &style.letters;
    let (margin, gap) = (letters.space(0.5), letters.space(0.4));
    let (line, swatch) = (letters.line() + letters.space(0.25), letters.space(0.7));
    let room = canvas.area().grown(-margin - gap);
    let lines = usize::try_from(room.height() / line).unwrap_or(0);
    let classes: Vec<(&Prediction, String)> = predictions
        .iter()
        .filter(|prediction| prediction.rect.is_none())
        .take(lines)
        .map(|prediction| (prediction, confidence_text(prediction.confidence)))
        .collect();
    let widest = |widths: &mut dyn Iterator<Item = i64>| widths.max().unwrap_or(0);
    let numbers = widest(&mut classes.iter().map(|(_, number)| letters.width(number)));
    let room_for_name = room.width() - swatch - numbers - 3 * gap;
    if classes.is_empty() || room_for_name < letters.width("…") {
        return;
    }
    let names: Vec<String> = classes
        .iter()
        .map(|(prediction, _)| letters.fit(&prediction.label, room_for_name))
        .collect();
    let name_width = widest(&mut names.iter().map(|name| letters.width(name)));

    let count = i64::try_from(classes.len()).unwrap_or(0);
    let width = swatch + gap + name_width + 2 * gap + numbers;
    let inside = Area::at(room.left, room.top, width, count * line);
    canvas.fill(inside.grown(gap), SHADE);
    let tops = (0..count).map(|row| inside.top + row * line);
    for (((prediction, number), name), top) in classes.iter().zip(&names).zip(tops) {
        let middle = top + (line - swatch) / 2;
        let square = Area::at(inside.left, middle, swatch, swatch);
        canvas.fill(square, color::of_class(prediction.class_id));
        let text_top = top + (line - letters.line()) / 2;
        let text_left = inside.left + swatch + gap;
        letters.draw(canvas, (text_left, text_top), (name, color::WHITE));
        let number_left = inside.right - letters.width(number);
        letters.draw(canvas, (number_left, text_top), (number, color::WHITE));
    }
}
