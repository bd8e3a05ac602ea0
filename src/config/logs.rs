//! What is logged, and how.

use tracing_subscriber::filter::EnvFilter;

use super::parse::Rejected;
use crate::telemetry::logs::LogFormat;

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Directives for [`EnvFilter`]; known to parse.
    pub filter: String,
    /// Form of the lines.
    pub format: LogFormat,
}

/// A level, or directives such as `info,kube=debug`.
pub fn log_filter(text: &str) -> Result<String, Rejected> {
    // A single word that is no level would silently be taken for the name of a module.
    let is_level = text.parse::<tracing::Level>().is_ok() || text == "off";
    if !is_level && !text.contains(['=', ',']) {
        return Err("must be error, warn, info, debug, trace or off, or a filter such as info,kube=debug".into());
    }
    EnvFilter::try_new(text).map_err(|error| format!("must be a level or a filter: {error}"))?;
    Ok(text.to_owned())
}

/// `json` or `text`.
pub fn log_format(text: &str) -> Result<LogFormat, Rejected> {
    match text {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err("must be json or text".into()),
    }
}
