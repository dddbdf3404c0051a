//! Where a picture goes in a model's input, as a value.

use crate::geometry::{Geometry, Size};

/// Whole pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

impl Window {
    /// The whole picture.
    pub(super) fn whole(picture: Size) -> Self {
        Self {
            x: 0,
            y: 0,
            width: picture.width,
            height: picture.height,
        }
    }
}

/// A part of the picture, in its pixels; edges may lie within pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Left edge.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width, more than 0.
    pub width: f64,
    /// Height, more than 0.
    pub height: f64,
}

/// A part of the model's input, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

/// Where a picture goes in a model's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// The part of the picture whose pixels exist for the resize. Filters reach a little beyond
    /// the source, but not beyond this: it is smaller than the picture where the model's own
    /// preprocessing crops first and resizes then.
    pub window: Window,
    /// The part of the picture that is used, inside the window.
    pub source: Source,
    /// The part of the input that it fills.
    pub target: Target,
    /// The input's size.
    pub canvas: Size,
    /// Value of the input's other pixels, before normalisation.
    pub pad: u8,
}

impl Placement {
    /// The map that this placement is, for a picture of that size.
    #[must_use]
    pub fn geometry(&self, picture: Size) -> Geometry {
        let Self { source, target, .. } = self;
        let scale_x = f64::from(target.width) / source.width;
        let scale_y = f64::from(target.height) / source.height;
        Geometry {
            picture,
            input: self.canvas,
            scale: [scale_x, scale_y],
            offset: [
                f64::from(target.x) - source.x * scale_x,
                f64::from(target.y) - source.y * scale_y,
            ],
        }
    }

    /// The whole picture onto the whole input.
    pub(super) fn whole(picture: Size, canvas: Size) -> Self {
        let target = Target {
            x: 0,
            y: 0,
            width: canvas.width,
            height: canvas.height,
        };
        Self {
            window: Window::whole(picture),
            source: Source::whole(picture),
            target,
            canvas,
            pad: 0,
        }
    }
}

impl Source {
    /// The whole picture.
    pub(super) fn whole(picture: Size) -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            width: f64::from(picture.width),
            height: f64::from(picture.height),
        }
    }
}
