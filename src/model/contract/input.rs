//! `[input]`: how a picture becomes the model's input tensor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::tensor::DType;

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
    Fixed(#[schemars(range(min = 1, max = 8192))] u32),
    /// From `min` to `max` pixels in steps of `stride`.
    Range(SideRange),
}

/// A dynamic side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SideRange {
    /// Fewest pixels, a multiple of the stride.
    #[schemars(range(min = 1, max = 8192))]
    pub min: u32,
    /// Most pixels, a multiple of the stride.
    #[schemars(range(min = 1, max = 8192))]
    pub max: u32,
    /// The side is a multiple of this many pixels. Default 32.
    #[serde(default = "usual_stride")]
    #[schemars(range(min = 1, max = 8192))]
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

/// How the picture is fitted to the input's size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resize {
    /// What happens to the picture's shape.
    pub mode: ResizeMode,
    /// How new pixels are computed from old ones.
    pub filter: Filter,
    /// Whose pixels the model was trained on.
    pub profile: Profile,
    /// `letterbox` only: where the picture lies in the input. Default `center`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub anchor: Option<Anchor>,
    /// `letterbox` only: the value of pixels beside the picture, before normalisation.
    /// Default 114.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pad: Option<u8>,
    /// `center_crop` only: side of the crop for each pixel of the picture's shorter side.
    /// Default 1.
    #[schemars(range(min = 0.05, max = 1.0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fraction: Option<f64>,
    /// `shortest_edge` only: the picture's shorter side after resizing, in pixels, before the
    /// centre is cut out. Default: the input's shorter side.
    #[schemars(range(min = 1, max = 8192))]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub shortest_edge: Option<u32>,
}

/// What happens to the picture's shape.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ResizeMode {
    /// Both sides to the input's, whatever becomes of the shape.
    #[default]
    Stretch,
    /// The whole picture, shape kept, the rest of the input padded.
    Letterbox,
    /// A centred crop of the picture with the input's shape, then resized.
    CenterCrop,
    /// The shorter side to `shortest_edge`, then the centre cut out.
    ShortestEdge,
    /// The picture as it is: it must have the input's size.
    None,
}

/// How new pixels are computed from old ones.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Linear in both directions.
    #[default]
    Bilinear,
    /// Cubic: a = -0.5 in Pillow, a = -0.75 in OpenCV.
    Bicubic,
    /// Windowed sinc, three lobes. Pillow only.
    Lanczos,
    /// The mean over the pixels covered: Pillow's `BOX`, OpenCV's `INTER_AREA`.
    Area,
}

/// Whose pixels the model was trained on: two libraries give different pixels for one filter name.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Pillow, and torchvision on Pillow pictures: filters widen when shrinking (antialias).
    #[default]
    Pillow,
    /// OpenCV's `cv::resize`: filters keep their width when shrinking.
    Opencv,
}

/// Where a letterboxed picture lies in the input.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// Padding on both sides.
    #[default]
    Center,
    /// Padding at the right and the bottom only.
    TopLeft,
}

/// How the picture is placed, with the parameters of its mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fit {
    /// Both sides to the input's.
    Stretch,
    /// The whole picture with padding beside it.
    Letterbox {
        /// Where the picture lies.
        anchor: Anchor,
        /// Value of the pixels beside it.
        pad: u8,
    },
    /// A centred crop, then resized.
    CenterCrop {
        /// Side of the crop for each pixel of the picture's shorter side, in 0..=1.
        fraction: f64,
    },
    /// Resized until the shorter side has this many pixels, then the centre cut out.
    ShortestEdge {
        /// The shorter side after resizing; `None` for the input's shorter side.
        size: Option<u32>,
    },
    /// Pixels as they are.
    None,
}

impl Resize {
    /// The mode with its parameters, defaults filled in.
    #[must_use]
    pub fn fit(&self) -> Fit {
        match self.mode {
            ResizeMode::Stretch => Fit::Stretch,
            ResizeMode::Letterbox => Fit::Letterbox {
                anchor: self.anchor.unwrap_or_default(),
                pad: self.pad.unwrap_or(114),
            },
            ResizeMode::CenterCrop => Fit::CenterCrop {
                fraction: self.fraction.unwrap_or(1.0),
            },
            ResizeMode::ShortestEdge => Fit::ShortestEdge {
                size: self.shortest_edge,
            },
            ResizeMode::None => Fit::None,
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
