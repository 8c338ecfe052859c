//! Logs: to standard error, as text for people or JSON lines for machines.

use crate::config::{Config, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging; `usual` is the command's own filter where none is configured.
pub fn start(config: &Config, usual: &str) {
    let filter = EnvFilter::new(config.log.as_deref().unwrap_or(usual));
    let colours = std::io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // A line that cannot be written is lost: to complain of it to the same place would be a panic (a full disk does that).
    let builder = builder.log_internal_errors(false);
    // A second start (in tests) keeps the first.
    let _ = match config.log_format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
