//! Non-maximum suppression: of boxes that overlap too much, only the best is kept.

/// Most candidates that compete; beyond, only the best do. Ultralytics' `max_nms`.
pub const MAX_CANDIDATES: usize = 30_000;
