//! Whether requests should be sent to this process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// What it may be that requests should not be sent here, in words.
pub const NOT_READY: &str =
    "models are being loaded, no model core can be reached, or the server is about to end";

/// Whether requests should be sent here.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Says whether requests should be sent here from now on.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    /// Whether requests should be sent here.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
