//! The states of a version, TensorFlow Serving's.

use serde::Serialize;
use utoipa::ToSchema;

/// Where a version is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Known, not yet being loaded.
    Start,
    /// Being loaded.
    Loading,
    /// Serving.
    Available,
    /// Not given out any more; its last requests are running.
    Unloading,
    /// Gone, or never came up: the message says why.
    End,
}
