//! One picture, as the body itself.

use bytes::Bytes;

use crate::{error::Problem, inference::request::ImageUpload};

use super::no_image;

pub(super) fn read(bytes: Bytes) -> Result<Vec<ImageUpload>, Problem> {
    if bytes.is_empty() {
        return Err(no_image("the body is empty, it must be a picture"));
    }
    Ok(vec![ImageUpload {
        bytes,
        filename: None,
    }])
}
