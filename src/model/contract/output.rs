//! `[output]`: how the model's output tensors become an answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the model's output tensors become an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// What the output tensors mean.
    pub decoder: Decoder,
    /// Names of the outputs in the graph.
    #[serde(default)]
    pub tensors: OutputTensors,
    /// File of class names in the model's folder, one a line, class 0 first.
    #[serde(default = "labels_txt")]
    pub labels: String,
    /// Whether scores still need the decoder's activation. Default: `logits` for `softmax` and
    /// `sigmoid`, `probabilities` for boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub scores_are: Option<ScoresAre>,
    /// Boxes only: what the four numbers of a box are. Default `xyxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub box_format: Option<BoxFormat>,
    /// Boxes only: what the numbers count, for boxes and keypoints. Default `pixels`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub box_units: Option<BoxUnits>,
    /// Boxes only: which boxes compete when they overlap. Default `class_wise` for
    /// `scored_boxes`, `none` for `end_to_end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub nms: Option<Nms>,
    /// The class that means "nothing here" and is never answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub background_class: Option<u32>,
    /// Names of the keypoints in the model's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keypoint_names: Vec<String>,
}

fn labels_txt() -> String {
    "labels.txt".to_owned()
}

/// What the output tensors mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decoder {
    /// One class of many: `scores` `[batch, classes]`, made to sum to 1.
    Softmax,
    /// Any number of classes: `scores` `[batch, classes]`, each in 0..=1 by itself.
    Sigmoid,
    /// Classes ranked by their raw `scores` `[batch, classes]`, without activation.
    Logits,
    /// Finished rows: `detections` `[batch, n, 6]` of box, score, class. Also called `centernet`.
    #[serde(alias = "centernet")]
    #[schemars(extend("enum" = ["end_to_end", "centernet"]), transform = either_name)]
    EndToEnd,
    /// Candidate boxes: `boxes` `[batch, n, 4]` and `scores` `[batch, n]` or
    /// `[batch, n, classes]`; `keypoints` `[batch, n, points, 2 or 3]` where the task has them.
    ScoredBoxes,
}

/// Two names are allowed, so the schema must not insist on one.
fn either_name(schema: &mut schemars::Schema) {
    schema.remove("const");
}

impl Decoder {
    /// Whether the answer is boxes rather than classes of the whole picture.
    #[must_use]
    pub const fn gives_boxes(self) -> bool {
        match self {
            Self::Softmax | Self::Sigmoid | Self::Logits => false,
            Self::EndToEnd | Self::ScoredBoxes => true,
        }
    }

    /// The decoder's name in a contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Logits => "logits",
            Self::EndToEnd => "end_to_end",
            Self::ScoredBoxes => "scored_boxes",
        }
    }
}

/// Names of the outputs in the graph. Default: the graph's only output, or the output that has
/// the field's own name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutputTensors {
    /// Scores of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub scores: Option<String>,
    /// Boxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub boxes: Option<String>,
    /// Keypoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub keypoints: Option<String>,
    /// Finished rows of box, score and class.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detections: Option<String>,
}

/// Whether scores still need an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoresAre {
    /// Any real number: the decoder's activation (softmax or sigmoid) is applied.
    Logits,
    /// Already in 0..=1: taken as they are.
    Probabilities,
}

/// What the four numbers of a box are.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum BoxFormat {
    /// Left, top, right, bottom.
    #[default]
    Xyxy,
    /// Top, left, bottom, right, as TensorFlow counts.
    Yxyx,
    /// Left, top, width, height.
    Xywh,
    /// Centre x, centre y, width, height.
    Cxcywh,
}

/// What the numbers of a box count.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum BoxUnits {
    /// Pixels of the model's input.
    #[default]
    Pixels,
    /// Parts of the model's input, 0..=1.
    Normalized,
}

/// Which boxes compete when they overlap (non-maximum suppression).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nms {
    /// None: the model has done it.
    None,
    /// Boxes of the same class.
    ClassWise,
    /// All boxes.
    ClassAgnostic,
}

impl Output {
    /// Whether the decoder has to apply its activation.
    #[must_use]
    pub fn scores_are(&self) -> ScoresAre {
        self.scores_are.unwrap_or(match self.decoder {
            Decoder::Softmax | Decoder::Sigmoid => ScoresAre::Logits,
            Decoder::Logits | Decoder::EndToEnd | Decoder::ScoredBoxes => ScoresAre::Probabilities,
        })
    }

    /// Which boxes compete when they overlap.
    #[must_use]
    pub fn nms(&self) -> Nms {
        self.nms.unwrap_or(match self.decoder {
            Decoder::ScoredBoxes => Nms::ClassWise,
            Decoder::Softmax | Decoder::Sigmoid | Decoder::Logits | Decoder::EndToEnd => Nms::None,
        })
    }
}
