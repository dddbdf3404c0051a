//! `[input]`: how a picture becomes the model's input tensor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::tensor::DType;

use super::resize::Resize;

/// Longest side of a model's input, in pixels.
pub const MAX_SIDE: u32 = 8192;

/// How a picture becomes the model's input tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the input in the graph. Default: the graph's only input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tensor: Option<String>,
    /// Element type.
    #[serde(default = "float32")]
    pub dtype: DType,
    /// Order of the axes.
    #[serde(default)]
    pub layout: Layout,
    /// Rows of the input.
    pub height: Side,
    /// Columns of the input.
    pub width: Side,
    /// Order of the channels.
    #[serde(default)]
    pub color: Color,
    /// What shows through transparent pixels, as RGB. Default white.
    #[serde(default = "white")]
    pub background: [u8; 3],
    /// How the picture is fitted to the input's size.
    #[serde(default)]
    pub resize: Resize,
    /// How a pixel becomes a number.
    #[serde(default)]
    pub normalize: Normalize,
}

impl Input {
    /// Bytes of the largest picture, as the graph takes it.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        let pixels = u64::from(self.height.max()) * u64::from(self.width.max());
        let numbers = pixels * self.color.channels() as u64;
        numbers * self.dtype.byte_size() as u64
    }
}

fn float32() -> DType {
    DType::Float32
}

fn white() -> [u8; 3] {
    [255; 3]
}

/// Order of the axes: batch, channels, rows and columns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Layout {
    /// Channels first, as PyTorch exports.
    #[default]
    Nchw,
    /// Channels last, as TensorFlow exports.
    Nhwc,
}

/// Order of the channels.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Color {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV reads pictures.
    Bgr,
    /// One channel of luma, ITU-R BT.601.
    Gray,
}

impl Color {
    /// Number of channels.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Self::Rgb | Self::Bgr => 3,
            Self::Gray => 1,
        }
    }
}

/// Rows or columns of the input: a number, or a range where the graph's axis is dynamic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(untagged)]
pub enum Side {
    /// Always this many pixels.
    Fixed(#[schemars(range(min = 1, max = MAX_SIDE))] u32),
    /// From `min` to `max` pixels in steps of `stride`.
    Range(SideRange),
}

/// A dynamic side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SideRange {
    /// Fewest pixels, a multiple of the stride.
    #[schemars(range(min = 1, max = MAX_SIDE))]
    pub min: u32,
    /// Most pixels, a multiple of the stride.
    #[schemars(range(min = 1, max = MAX_SIDE))]
    pub max: u32,
    /// The side is a multiple of this many pixels. Default 32.
    #[serde(default = "usual_stride")]
    #[schemars(range(min = 1, max = MAX_SIDE))]
    pub stride: u32,
}

fn usual_stride() -> u32 {
    32
}

impl Side {
    /// Most pixels that this side can have.
    #[must_use]
    pub const fn max(self) -> u32 {
        match self {
            Self::Fixed(pixels) => pixels,
            Self::Range(range) => range.max,
        }
    }
}

/// How a pixel becomes a number: `(pixel * scale - mean) / std`, for each channel in the order of
/// `color`, `pixel` in 0..=255. Integer inputs take the pixel as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Normalize {
    /// Factor for the pixel. Default 1/255 for float inputs, so that 0..=255 becomes 0..=1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub scale: Option<f64>,
    /// Subtracted after scaling: one number for all channels or one for each. Default 0.
    #[schemars(length(min = 1, max = 3))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mean: Option<Vec<f64>>,
    /// Divided by, last: one number for all channels or one for each. Default 1.
    #[schemars(length(min = 1, max = 3))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub std: Option<Vec<f64>>,
}

impl Normalize {
    /// The factor for pixels, 1/255 where none is given.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale.unwrap_or(1.0 / 255.0)
    }

    /// The mean of a channel.
    #[must_use]
    pub fn mean(&self, channel: usize) -> f64 {
        Self::of_channel(self.mean.as_deref(), channel).unwrap_or(0.0)
    }

    /// The standard deviation of a channel.
    #[must_use]
    pub fn std(&self, channel: usize) -> f64 {
        Self::of_channel(self.std.as_deref(), channel).unwrap_or(1.0)
    }

    fn of_channel(values: Option<&[f64]>, channel: usize) -> Option<f64> {
        let values = values?;
        values.get(channel).or(values.first()).copied()
    }
}
