//! Log lines: for people on a terminal, JSON otherwise, always on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, filter::ParseError, layer::SubscriberExt as _, reload,
};

use crate::config::{Log, LogFormat};

/// What is logged, which may change.
#[derive(Clone, Debug)]
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

impl LogFilter {
    /// From now on something else is logged.
    pub fn set(&self, filter: EnvFilter) {
        // Fails only where another logging was there first, whose filter it is not.
        self.0.reload(filter).ok();
    }
}

/// What a configuration wants logged.
///
/// # Errors
/// When the filter does not parse.
pub fn filter(log: &Log) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(&log.filter)
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter does not parse.
pub fn start(log: &Log) -> Result<LogFilter, ParseError> {
    let (filter, handle) = reload::Layer::new(filter(log)?);
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
    Ok(LogFilter(handle))
}
