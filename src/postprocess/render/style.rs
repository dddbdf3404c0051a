//! Sizes of lines and letters, scaled to the picture.

use super::text::Type;
use crate::geometry::Size;

/// Sizes of what is drawn onto one picture.
#[derive(Debug)]
pub(super) struct Style {
    /// Width of a box's line, in pixels: 2 up to 512 on the shorter side, 8 on a phone's photo,
    /// which nobody looks at without making it smaller.
    pub(super) line: i64,
    /// Radius of a point, in pixels.
    pub(super) dot: f32,
    /// The letters.
    pub(super) letters: Type,
}

impl Style {
    /// What suits a picture of that size.
    pub(super) fn for_picture(size: Size) -> Self {
        let side = size.width.min(size.height);
        let line = i64::from((side / 256).clamp(2, 8));
        Self {
            line,
            dot: line as f32 * 1.5,
            letters: Type::of_size((side as f32 / 30.0).clamp(12.0, 96.0)),
        }
    }
}
