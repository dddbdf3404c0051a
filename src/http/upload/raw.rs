//! One picture, as the body itself.

use bytes::Bytes;

use crate::error::Problem;

use super::{Sent, no_image};

pub(super) fn read(bytes: Bytes) -> Result<Vec<Sent>, Problem> {
    if bytes.is_empty() {
        return Err(no_image("the body is empty, it must be a picture"));
    }
    Ok(vec![Sent::picture(bytes, None)])
}
