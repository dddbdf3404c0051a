//! What the four numbers of a box and the two of a point say, in pixels of the model's input.

use crate::geometry::{Point, Rect, Size};
use crate::model::contract::output::{BoxFormat, BoxUnits, Output};

/// How a model writes boxes and points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coordinates {
    format: BoxFormat,
    /// Input pixels for each of the model's units, x and y.
    unit: [f32; 2],
}

impl Coordinates {
    /// How the contract says that the model writes them, for an input of that size.
    #[expect(
        clippy::cast_precision_loss,
        reason = "sides are far below 2^24 pixels"
    )]
    pub(super) fn new(output: &Output, input: Size) -> Self {
        Self {
            format: output.box_format.unwrap_or_default(),
            unit: match output.box_units.unwrap_or_default() {
                BoxUnits::Pixels => [1.0, 1.0],
                BoxUnits::Normalized => [input.width as f32, input.height as f32],
            },
        }
    }

    /// A point, always x before y.
    pub(super) fn point(&self, x: f32, y: f32) -> Point {
        let [ux, uy] = self.unit;
        Point {
            x: x * ux,
            y: y * uy,
        }
    }

    /// A box, in the contract's format.
    pub(super) fn rect(&self, [a, b, c, d]: [f32; 4]) -> Rect {
        let [x1, y1, x2, y2] = match self.format {
            BoxFormat::Xyxy => [a, b, c, d],
            BoxFormat::Yxyx => [b, a, d, c],
            BoxFormat::Xywh => [a, b, a + c, b + d],
            BoxFormat::Cxcywh => [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0],
        };
        let (from, to) = (self.point(x1, y1), self.point(x2, y2));
        Rect {
            x1: from.x,
            y1: from.y,
            x2: to.x,
            y2: to.y,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{INPUT, output};
    use super::*;
    use crate::model::contract::output::Decoder;

    #[test]
    fn one_box_in_every_writing() {
        let check = |format: Option<BoxFormat>, units: Option<BoxUnits>, numbers: [f32; 4]| {
            let contract = Output {
                box_format: format,
                box_units: units,
                ..output(Decoder::ScoredBoxes)
            };
            let rect = Coordinates::new(&contract, INPUT).rect(numbers);
            for (got, expected) in [
                (rect.x1, 10.0),
                (rect.y1, 20.0),
                (rect.x2, 40.0),
                (rect.y2, 30.0),
            ] {
                assert!(
                    (got - expected).abs() < 1e-4,
                    "{format:?} {units:?}: {rect:?}"
                );
            }
        };
        check(None, None, [10.0, 20.0, 40.0, 30.0]);
        check(Some(BoxFormat::Xyxy), None, [10.0, 20.0, 40.0, 30.0]);
        check(Some(BoxFormat::Yxyx), None, [20.0, 10.0, 30.0, 40.0]);
        check(Some(BoxFormat::Xywh), None, [10.0, 20.0, 30.0, 10.0]);
        check(Some(BoxFormat::Cxcywh), None, [25.0, 25.0, 30.0, 10.0]);
        let parts = Some(BoxUnits::Normalized);
        check(None, parts, [0.1, 0.4, 0.4, 0.6]);
        check(Some(BoxFormat::Yxyx), parts, [0.4, 0.1, 0.6, 0.4]);
        check(Some(BoxFormat::Xywh), parts, [0.1, 0.4, 0.3, 0.2]);
        check(Some(BoxFormat::Cxcywh), parts, [0.25, 0.5, 0.3, 0.2]);
    }

    #[test]
    fn points_are_x_before_y_in_the_units_of_boxes() {
        let contract = Output {
            box_format: Some(BoxFormat::Yxyx),
            box_units: Some(BoxUnits::Normalized),
            ..output(Decoder::ScoredBoxes)
        };
        let point = Coordinates::new(&contract, INPUT).point(0.5, 0.1);
        assert_eq!(point, Point { x: 50.0, y: 5.0 });
    }
}
