//! What the server says of its own work: log lines and metrics.

pub mod logs;
pub mod metrics;
