//! What the server says of its own work: log lines, metrics and statistics.

pub mod logs;
pub mod metrics;
pub mod readiness;
pub mod statistics;
