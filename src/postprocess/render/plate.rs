//! Plates: the names of objects beside their frames.

use super::canvas::{Area, Canvas};
use super::color;
use super::style::Style;
use crate::postprocess::prediction::Prediction;

/// Draws a plate with name and confidence for each box: above it where there is room, else
/// inside, else below, and not on the plate of a better prediction if that can be helped.
pub(super) fn draw_all(canvas: &mut Canvas, style: &Style, predictions: &[Prediction]) {
    let mut plates: Vec<Plate> = Vec::new();
    for prediction in predictions {
        plates.extend(Plate::new(canvas, style, prediction, &plates));
    }
    for plate in plates.iter().rev() {
        plate.draw(canvas, style);
    }
}

#[derive(Debug)]
struct Plate {
    area: Area,
    text: String,
    class_id: usize,
}

impl Plate {
    /// The plate of a prediction; `None` where it has no box or the picture is too small for one.
    fn new(
        canvas: &Canvas,
        style: &Style,
        prediction: &Prediction,
        placed: &[Self],
    ) -> Option<Self> {
        let frame = Area::covered_by(prediction.rect.as_ref()?, canvas.size())?;
        let picture = canvas.area();
        let letters = &style.letters;
        let (beside, height) = (letters.space(0.3), letters.line());
        let confidence = confidence_text(prediction.confidence);
        // A long name may be as wide as its box, but not bar the whole picture for a small one.
        let widest = frame.width().max(picture.width() * 3 / 5);
        let room = widest - 2 * beside - letters.width(&format!(" {confidence}"));
        if room < letters.width("…") || picture.height() < height {
            return None;
        }
        let name = letters.fit(&prediction.label, room);
        let text = format!("{name} {confidence}");
        let width = letters.width(&text) + 2 * beside;

        let area = spots(&frame, &picture, (width, height))
            .find(|spot| {
                placed
                    .iter()
                    .all(|other| !other.area.grown(1).overlaps(spot))
            })
            .or_else(|| spots(&frame, &picture, (width, height)).next());
        area.map(|area| Self {
            area,
            text,
            class_id: prediction.class_id,
        })
    }

    fn draw(&self, canvas: &mut Canvas, style: &Style) {
        let color = color::of_class(self.class_id);
        let ink = color::readable_on(color);
        canvas.fill(self.area.grown(1), ink);
        canvas.fill(self.area, color);
        let corner = (self.area.left + style.letters.space(0.3), self.area.top);
        style.letters.draw(canvas, corner, (&self.text, ink));
    }
}

/// Where a plate of that width and height may lie, the best spot first; all in the picture.
fn spots(frame: &Area, picture: &Area, (width, height): (i64, i64)) -> impl Iterator<Item = Area> {
    let above = frame.top - height;
    let below_another = frame.top + height + 2;
    let tops = [
        above,
        frame.top,
        frame.bottom,
        frame.bottom - height,
        below_another,
    ];
    let lefts = [frame.left, frame.right - width];
    let (rightmost, lowest) = (picture.right - width, picture.bottom - height);
    tops.into_iter()
        .filter(move |top| (0..=lowest).contains(top))
        .flat_map(move |top| lefts.map(|left| (left.min(rightmost).max(0), top)))
        .map(move |(left, top)| Area::at(left, top, width, height))
}

/// A probability in per cent; any other number with two decimals.
pub(super) fn confidence_text(confidence: f32) -> String {
    if (0.0..=1.0).contains(&confidence) {
        format!("{:.0}%", confidence * 100.0)
    } else {
        format!("{confidence:.2}")
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::geometry::{Rect, Size};

    fn found([x1, y1, x2, y2]: [f32; 4]) -> Prediction {
        Prediction {
            label: "a long name for a small box".to_owned(),
            class_id: 0,
            confidence: 0.5,
            rect: Some(Rect { x1, y1, x2, y2 }),
            keypoints: Vec::new(),
        }
    }

    #[test]
    fn plates_stay_inside_the_picture_and_apart() {
        let canvas = Canvas::new(RgbImage::new(320, 240));
        let style = Style::for_picture(Size::new(320, 240));
        let mut placed: Vec<Plate> = Vec::new();
        for rect in [
            [0.0, 0.0, 320.0, 240.0],
            [310.0, 0.0, 320.0, 10.0],
            [310.0, 230.0, 320.0, 240.0],
            [0.0, 100.0, 30.0, 130.0],
            [0.0, 101.0, 30.0, 131.0],
        ] {
            let plate = Plate::new(&canvas, &style, &found(rect), &placed).expect("has room");
            let Area {
                left,
                top,
                right,
                bottom,
            } = plate.area;
            assert!(
                0 <= left && right <= 320 && 0 <= top && bottom <= 240,
                "{plate:?}"
            );
            assert!(
                placed.iter().all(|other| !other.area.overlaps(&plate.area)),
                "{plate:?}"
            );
            placed.push(plate);
        }
    }

    #[test]
    fn confidences_as_text() {
        let check = |confidence: f32, expected: &str| {
            assert_eq!(confidence_text(confidence), expected);
        };
        check(0.876, "88%");
        check(1.0, "100%");
        check(12.345, "12.35");
        check(-3.0, "-3.00");
        check(f32::NAN, "NaN");
    }
}
