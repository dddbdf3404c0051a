//! Log lines: for people on a terminal, JSON otherwise, always on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, Layer as _, filter::ParseError, layer::SubscriberExt as _};

use crate::config::{Log, LogFormat};

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter does not parse.
pub fn start(log: &Log) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let human = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let layer = if human {
        lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed()
    } else {
        lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    };
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    // A second start (a test's second server) keeps the first one's logging.
    tracing::subscriber::set_global_default(subscriber).ok();
    Ok(())
}
