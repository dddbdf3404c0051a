//! A picture that is drawn on. What lies outside of it is not drawn.

use image::{Rgb, RgbImage};

use crate::geometry::{Point, Rect, Size};

/// A picture that is drawn on.
#[derive(Debug)]
pub(super) struct Canvas {
    picture: RgbImage,
}

/// Whole pixels: columns `left..right` of rows `top..bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: i64,
    pub(super) top: i64,
    pub(super) right: i64,
    pub(super) bottom: i64,
}

/// A colour and how much of what lies below it covers, of 255.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    pub(super) color: Rgb<u8>,
    pub(super) opacity: u8,
}

impl From<Rgb<u8>> for Paint {
    fn from(color: Rgb<u8>) -> Self {
        Self {
            color,
            opacity: 255,
        }
    }
}

impl Area {
    /// The pixels that the part of a box inside of a picture covers, at least one each way;
    /// `None` where the box has no part inside, or is not finite.
    pub(super) fn covered_by(rect: &Rect, size: Size) -> Option<Self> {
        let inside = rect.is_finite().then(|| rect.clip(size))?;
        let [left, top] = [pixel(inside.x1), pixel(inside.y1)];
        (0.0 < inside.area()).then(|| Self {
            left,
            top,
            right: pixel(inside.x2).max(left + 1),
            bottom: pixel(inside.y2).max(top + 1),
        })
    }

    /// The area with its corner at `(left, top)`.
    pub(super) const fn at(left: i64, top: i64, width: i64, height: i64) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    pub(super) const fn width(&self) -> i64 {
        self.right - self.left
    }

    pub(super) const fn height(&self) -> i64 {
        self.bottom - self.top
    }

    /// Larger by that many pixels on all sides; smaller where negative.
    pub(super) const fn grown(&self, by: i64) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    pub(super) const fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

impl Canvas {
    pub(super) const fn new(picture: RgbImage) -> Self {
        Self { picture }
    }

    pub(super) fn into_picture(self) -> RgbImage {
        self.picture
    }

    pub(super) fn size(&self) -> Size {
        Size::new(self.picture.width(), self.picture.height())
    }

    /// All of its pixels.
    pub(super) fn area(&self) -> Area {
        Area::at(
            0,
            0,
            self.picture.width().into(),
            self.picture.height().into(),
        )
    }

    /// Covers all pixels of an area.
    pub(super) fn fill(&mut self, area: Area, paint: impl Into<Paint>) {
        let paint = paint.into();
        let bounds = self.area();
        for y in area.top.max(0)..area.bottom.min(bounds.bottom) {
            for x in area.left.max(0)..area.right.min(bounds.right) {
                self.blend(x, y, paint);
            }
        }
    }

    /// Covers the outermost `width` pixels of an area, all of it where it is narrower.
    pub(super) fn ring(&mut self, area: Area, width: i64, paint: impl Into<Paint>) {
        let paint = paint.into();
        let hole = area.grown(-width);
        if hole.width() <= 0 || hole.height() <= 0 {
            self.fill(area, paint);
            return;
        }
        let (above, below) = (hole.top, hole.bottom);
        for side in [
            Area {
                bottom: above,
                ..area
            },
            Area { top: below, ..area },
            Area {
                top: above,
                bottom: below,
                right: hole.left,
                ..area
            },
            Area {
                top: above,
                bottom: below,
                left: hole.right,
                ..area
            },
        ] {
            self.fill(side, paint);
        }
    }

    /// Covers a disc, its edge softened over one pixel. A centre that is not in the picture
    /// draws nothing.
    pub(super) fn dot(&mut self, center: Point, radius: f32, color: Rgb<u8>) {
        let size = self.size();
        if center.clip(size) != center {
            return;
        }
        let reach = pixel(radius) + 1;
        let (x0, y0) = (pixel(center.x), pixel(center.y));
        for y in y0 - reach..=y0 + reach {
            for x in x0 - reach..=x0 + reach {
                let (dx, dy) = (x as f32 + 0.5 - center.x, y as f32 + 0.5 - center.y);
                let opacity = opacity(radius + 0.5 - dx.hypot(dy));
                self.blend(x, y, Paint { color, opacity });
            }
        }
    }

    /// Covers one pixel.
    pub(super) fn blend(&mut self, x: i64, y: i64, paint: Paint) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        let Some(below) = self.picture.get_pixel_mut_checked(x, y) else {
            return;
        };
        let opacity = u16::from(paint.opacity);
        for (below, above) in below.0.iter_mut().zip(paint.color.0) {
            let sum = u16::from(*below) * (255 - opacity) + u16::from(above) * opacity;
            *below = u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX);
        }
    }
}

/// The pixel border nearest to a coordinate.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast from float saturates; callers clip to the picture first"
)]
pub(super) fn pixel(x: f32) -> i64 {
    x.round() as i64
}

/// A coverage in 0..=1 as an opacity of 255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255"
)]
pub(super) fn opacity(coverage: f32) -> u8 {
    (coverage.clamp(0.0, 1.0) * 255.0).round() as u8
}
