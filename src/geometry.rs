//! Sizes, boxes and the map between a picture's pixels and a model's.
//!
//! Coordinates are continuous: x to the right, y down, the origin at the top left corner of the
//! top left pixel, so a picture of width w spans 0..w and the centre of its first pixel is 0.5.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size of `width` × `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

/// A point, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Distance from the left edge.
    pub x: f32,
    /// Distance from the top edge.
    pub y: f32,
}

impl Point {
    /// Moves the point onto the nearest point of a picture of that size.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "sides are far below 2^24 pixels"
    )]
    pub fn clip(self, size: Size) -> Self {
        Self {
            x: self.x.clamp(0.0, size.width as f32),
            y: self.y.clamp(0.0, size.height as f32),
        }
    }
}

/// An axis-aligned box by its corners, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rect {
    /// Left edge.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
}

impl Rect {
    /// Area, zero where the corners are crossed.
    #[must_use]
    pub fn area(&self) -> f32 {
        (self.x2 - self.x1).max(0.0) * (self.y2 - self.y1).max(0.0)
    }

    /// Intersection over union, in 0..=1; zero where either box has no area.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let overlap = Self {
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
            x2: self.x2.min(other.x2),
            y2: self.y2.min(other.y2),
        }
        .area();
        let union = self.area() + other.area() - overlap;
        if union > 0.0 { overlap / union } else { 0.0 }
    }

    /// Whether all corners are numbers.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        [self.x1, self.y1, self.x2, self.y2]
            .iter()
            .all(|x| x.is_finite())
    }

    /// The part of the box that lies inside a picture of that size.
    #[must_use]
    pub fn clip(&self, size: Size) -> Self {
        let from = Point {
            x: self.x1,
            y: self.y1,
        }
        .clip(size);
        let to = Point {
            x: self.x2,
            y: self.y2,
        }
        .clip(size);
        Self {
            x1: from.x,
            y1: from.y,
            x2: to.x,
            y2: to.y,
        }
    }
}

/// How one picture was laid into one model input: a scale and a shift for each axis, so that
/// `input = picture * scale + offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// The upright picture's size.
    pub picture: Size,
    /// The model input's size.
    pub input: Size,
    /// Input pixels for each picture pixel, x and y.
    pub scale: [f64; 2],
    /// Where the picture's origin lies in the input, x and y.
    pub offset: [f64; 2],
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "pixel coordinates are computed in f64, kept in f32"
)]
impl Geometry {
    /// The homogeneous matrix, row-major, that maps picture pixels to input pixels.
    #[must_use]
    pub fn matrix(&self) -> [[f64; 3]; 3] {
        let [sx, sy] = self.scale;
        let [ox, oy] = self.offset;
        [[sx, 0.0, ox], [0.0, sy, oy], [0.0, 0.0, 1.0]]
    }

    /// A point of the model's input, in the picture. Not clipped.
    #[must_use]
    pub fn to_picture(&self, point: Point) -> Point {
        let [sx, sy] = self.scale;
        let [ox, oy] = self.offset;
        Point {
            x: ((f64::from(point.x) - ox) / sx) as f32,
            y: ((f64::from(point.y) - oy) / sy) as f32,
        }
    }

    /// A box of the model's input, in the picture. Not clipped.
    #[must_use]
    pub fn rect_to_picture(&self, rect: &Rect) -> Rect {
        let from = self.to_picture(Point {
            x: rect.x1,
            y: rect.y1,
        });
        let to = self.to_picture(Point {
            x: rect.x2,
            y: rect.y2,
        });
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
    use proptest::prelude::*;

    use super::*;

    impl Geometry {
        /// A point of the picture, in the model's input.
        #[expect(clippy::cast_possible_truncation, reason = "compared with a tolerance")]
        pub(crate) fn input_of(&self, point: Point) -> Point {
            let [sx, sy] = self.scale;
            let [ox, oy] = self.offset;
            Point {
                x: (f64::from(point.x) * sx + ox) as f32,
                y: (f64::from(point.y) * sy + oy) as f32,
            }
        }
    }

    const UNIT: Rect = Rect {
        x1: 0.0,
        y1: 0.0,
        x2: 2.0,
        y2: 2.0,
    };

    #[test]
    fn iou_of_known_boxes() {
        let check = |other: Rect, expected: f32| {
            assert!(
                (UNIT.iou(&other) - expected).abs() < 1e-6,
                "{other:?}: {}",
                UNIT.iou(&other)
            );
        };
        check(UNIT, 1.0);
        check(
            Rect {
                x1: 1.0,
                y1: 0.0,
                x2: 3.0,
                y2: 2.0,
            },
            1.0 / 3.0,
        );
        check(
            Rect {
                x1: 2.0,
                y1: 0.0,
                x2: 4.0,
                y2: 2.0,
            },
            0.0,
        );
        check(
            Rect {
                x1: 1.0,
                y1: 1.0,
                x2: 0.0,
                y2: 0.0,
            },
            0.0,
        );
    }

    fn geometry() -> impl Strategy<Value = Geometry> {
        (0.01..10.0, 0.01..10.0, -500.0..500.0, -500.0..500.0).prop_map(|(sx, sy, ox, oy)| {
            Geometry {
                picture: Size::new(640, 480),
                input: Size::new(512, 512),
                scale: [sx, sy],
                offset: [ox, oy],
            }
        })
    }

    proptest! {
        #[test]
        fn geometry_maps_both_ways(g in geometry(), x in 0.0_f32..640.0, y in 0.0_f32..480.0) {
            let back = g.to_picture(g.input_of(Point { x, y }));
            // One part in 2^23 of the largest input coordinate, scaled back by at most 100.
            prop_assert!((back.x - x).abs() < 0.1, "x is {}", back.x);
            prop_assert!((back.y - y).abs() < 0.1, "y is {}", back.y);
        }

        #[test]
        fn the_matrix_is_the_map(g in geometry(), x in 0.0_f32..640.0, y in 0.0_f32..480.0) {
            let m = g.matrix();
            let by_matrix = m[0][0] * f64::from(x) + m[0][1] * f64::from(y) + m[0][2];
            let mapped = f64::from(g.input_of(Point { x, y }).x);
            prop_assert!((by_matrix - mapped).abs() < 1e-2, "{by_matrix} is not {mapped}");
        }

        #[test]
        fn iou_is_symmetric_and_bounded(
            a in prop::array::uniform4(-10.0_f32..10.0),
            b in prop::array::uniform4(-10.0_f32..10.0),
        ) {
            let rect = |[x1, y1, x2, y2]: [f32; 4]| Rect { x1, y1, x2, y2 };
            let (a, b) = (rect(a), rect(b));
            prop_assert!((0.0..=1.0).contains(&a.iou(&b)));
            prop_assert!((a.iou(&b) - b.iou(&a)).abs() < 1e-6);
        }
    }
}
