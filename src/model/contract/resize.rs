//! `[input.resize]`: how a picture is fitted to the input's size, and with whose pixels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::MAX_SIDE;

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
    #[schemars(range(min = 1, max = MAX_SIDE))]
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
