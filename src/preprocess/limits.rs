use crate::geometry::Size;

use super::PictureError;

/// The largest picture that is decoded. Checked against the header, before pixels are allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Most pixels.
    pub max_pixels: u64,
    /// Longest side, in pixels.
    pub max_side: u32,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self {
            max_pixels: 50_000_000,
            max_side: 12_000,
        }
    }
}

impl ImageLimits {
    /// Refuses a size above the limits, and one without pixels.
    pub(super) fn check(self, size: Size) -> Result<(), PictureError> {
        if size.pixels() == 0 {
            return Err(PictureError::NoPixels);
        }
        if self.max_pixels < size.pixels() {
            return Err(PictureError::TooManyPixels {
                size,
                limit: self.max_pixels,
            });
        }
        if self.max_side < size.width.max(size.height) {
            return Err(PictureError::SideTooLong {
                size,
                limit: self.max_side,
            });
        }
        Ok(())
    }
}
