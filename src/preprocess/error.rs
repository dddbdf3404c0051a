use crate::{
    error::{ErrorCode, Problem},
    geometry::Size,
    tensor::TensorError,
};

/// Why a picture could not be made a model's input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// The bytes are of another format, or of none.
    #[error("this is {detected}; pictures are accepted as JPEG, PNG, WebP or GIF")]
    NotAPicture {
        /// What the bytes are.
        detected: &'static str,
    },
    /// The header states more pixels than are decoded.
    #[error("the picture is {size} pixels, {} in all; at most {limit} are accepted", .size.pixels())]
    TooManyPixels {
        /// The picture's size.
        size: Size,
        /// Most pixels.
        limit: u64,
    },
    /// The header states a longer side than is decoded.
    #[error("the picture is {size} pixels; a side may have at most {limit}")]
    SideTooLong {
        /// The picture's size.
        size: Size,
        /// Longest side.
        limit: u32,
    },
    /// The header states a width or height of zero.
    #[error("the picture has no pixels: its width or height is 0")]
    NoPixels,
    /// There are fewer bytes than a picture of the stated size has.
    #[error("the picture is cut off: {bytes} bytes cannot hold {size} pixels")]
    CutOff {
        /// Bytes that are there.
        bytes: usize,
        /// The size that the header states.
        size: Size,
    },
    /// The bytes begin like a picture but are truncated or corrupt.
    #[error("the {format} picture cannot be decoded, it is truncated or corrupt: {reason}")]
    Corrupt {
        /// The format it begins as.
        format: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// The model takes pictures as they are, and this one has another size.
    #[error("the picture is {size} pixels; this model takes pictures as they are, of {wanted}")]
    SizeMismatch {
        /// The picture's size.
        size: Size,
        /// The sizes that the model takes.
        wanted: String,
    },
    /// A step gave pixels that do not fit the next: a defect of this server.
    #[error("the picture could not be prepared: {0}")]
    Defect(String),
}

impl From<TensorError> for PictureError {
    fn from(error: TensorError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl From<PictureError> for Problem {
    fn from(error: PictureError) -> Self {
        let code = match error {
            PictureError::NotAPicture { .. } => ErrorCode::UnsupportedImageFormat,
            PictureError::TooManyPixels { .. } | PictureError::SideTooLong { .. } => {
                ErrorCode::ImageTooLarge
            }
            PictureError::NoPixels | PictureError::CutOff { .. } | PictureError::Corrupt { .. } => {
                ErrorCode::UndecodableImage
            }
            PictureError::SizeMismatch { .. } => ErrorCode::UnsupportedImageSize,
            PictureError::Defect(_) => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}
