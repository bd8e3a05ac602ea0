//! Logs on stderr: JSON with the field names of Flux's controllers, or text for people; the level can be changed
//! while the process runs.

mod filter;
mod json;

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, as Flux's controllers write them.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Logging cannot be set up, or changed, as asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Neither a level nor a list of directives.
    #[error(
        "not a log filter: {filter:?}: expected trace, debug, info, warn, error, off or a list such as \
             \"info,kube=debug\" ({reason})"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is another logger in this process.
    #[error("logging is set up already")]
    Installed(#[from] TryInitError),
    /// Logging has ended.
    #[error("logging has ended")]
    Ended,
}

/// Changes the level while the process runs; cheap to clone.
#[derive(Debug, Clone)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogControl {
    /// Sets a level, or a list of directives (see [`init`]), from now on.
    pub fn set(&self, filter: &str) -> Result<(), LogError> {
        self.filter.reload(filter::parse(filter)?).map_err(|_| LogError::Ended)
    }

    /// The directives in force.
    pub fn current(&self) -> String {
        self.filter.with_current(ToString::to_string).unwrap_or_default()
    }
}

/// Sends this process's logs to stderr. `filter` is a level (`info`), at which libraries that talk too much are kept
/// to what matters, or a list of directives, which is taken as it stands
/// (<https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html#directives>).
pub fn init(format: LogFormat, filter: &str) -> Result<LogControl, LogError> {
    let (subscriber, control) = subscriber(format, filter, BoxMakeWriter::new(io::stderr), io::stderr().is_terminal())?;
    subscriber.try_init()?;
    Ok(control)
}

/// What [`init`] installs, with another destination; `colours` matter to text only.
pub fn subscriber(
    format: LogFormat,
    filter: &str,
    writer: BoxMakeWriter,
    colours: bool,
) -> Result<(impl Subscriber + Send + Sync + use<>, LogControl), LogError> {
    let (filter, handle) = reload::Layer::new(filter::parse(filter)?);
    let lines = match format {
        LogFormat::Json => json::JsonLines::new(writer).boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
    };
    Ok((tracing_subscriber::registry().with(filter).with(lines), LogControl { filter: handle }))
}

#[cfg(test)]
mod tests;
