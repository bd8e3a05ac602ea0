//! From a level to directives that keep chatty libraries quiet.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::LogError;

/// The most that these libraries may say when only a level is given. Actors' own starts and stops are ractor's daily
/// business; HTTP and TLS libraries log every connection; kube logs whole requests below debug.
const CAPS: &[(&str, LevelFilter)] = &[
    ("ractor", LevelFilter::WARN),
    ("aws_config", LevelFilter::INFO),
    ("aws_sdk_s3", LevelFilter::INFO),
    ("aws_smithy_runtime", LevelFilter::INFO),
    ("aws_smithy_runtime_api", LevelFilter::INFO),
    ("h2", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("hyper_util", LevelFilter::INFO),
    ("notify", LevelFilter::INFO),
    ("reqwest", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("tower", LevelFilter::INFO),
    ("kube_client", LevelFilter::DEBUG),
];

/// A filter from a level, or from directives as they stand.
pub(super) fn parse(text: &str) -> Result<EnvFilter, LogError> {
    let directives = match text.trim().parse::<LevelFilter>() {
        // A bare number is a level to the library; nobody means one here.
        Ok(level) if !text.trim().is_empty() => with_caps(level),
        _ => text.to_owned(),
    };
    if directives.trim().is_empty() {
        return Err(LogError::Filter { filter: text.to_owned(), reason: "it is empty".into() });
    }
    EnvFilter::builder()
        .parse(&directives)
        .map_err(|error| LogError::Filter { filter: text.to_owned(), reason: error.to_string() })
}

fn with_caps(level: LevelFilter) -> String {
    let caps = CAPS.iter().map(|(target, cap)| format!(",{target}={}", level.min(*cap)));
    std::iter::once(level.to_string()).chain(caps).collect()
}
