//! Settings of what we serve.

use std::time::Duration;

use super::Group;
use crate::config::address::{Listen, base_url, listen, port};
use crate::config::parse::{boolean, period, positive};
use crate::config::setting::{BOOL, Setting};

/// Whether artifacts are served.
pub const ENABLED: Setting<bool> =
    Setting::new("ARTIFACT_SERVER_ENABLED", "true", BOOL, boolean, "Serve artifacts").key("artifactServer.enabled");
/// Port of the artifact server.
pub const PORT: Setting<u16> =
    Setting::new("ARTIFACT_SERVER_PORT", "8080", "PORT", port, "Port of the artifact server")
        .key("artifactServer.port");
/// URL of the artifact server.
pub const BASE_URL: Setting<String> = Setting::optional(
    "ARTIFACT_BASE_URL",
    "URL",
    base_url,
    "What comes before the key in artifact URLs [default: this pod, by POD_NAME, SERVICE_NAME, POD_NAMESPACE, CLUSTER_DOMAIN]",
);
/// Whether `latest.tar.gz` is served.
pub const LATEST: Setting<bool> = Setting::new(
    "ARTIFACT_SERVER_LATEST",
    "false",
    BOOL,
    boolean,
    "Serve latest.tar.gz for every object; without it, names of artifacts cannot be guessed",
);
/// Connections at once.
pub const MAX_CONNECTIONS: Setting<usize> = Setting::new(
    "ARTIFACT_SERVER_MAX_CONNECTIONS",
    "1000",
    "NUMBER",
    positive_usize,
    "Connections to the artifact server at once; more wait",
);
/// Limit for a request's headers.
pub const HEADER_TIMEOUT: Setting<Duration> = Setting::new(
    "ARTIFACT_SERVER_HEADER_TIMEOUT",
    "10s",
    "DURATION",
    period,
    "How long a client may take to send its request's headers",
);
/// Limit for silence.
pub const IDLE_TIMEOUT: Setting<Duration> = Setting::new(
    "ARTIFACT_SERVER_IDLE_TIMEOUT",
    "60s",
    "DURATION",
    period,
    "How long a connection may be silent, between requests or during a download",
);

/// Where health is served.
pub const HEALTH_ADDR: Setting<Option<Listen>> =
    Setting::new("HEALTH_ADDR", ":8081", "ADDRESS", listen, "Address of /healthz and /readyz; 0: not served");
/// Where metrics are served.
pub const METRICS_ADDR: Setting<Option<Listen>> =
    Setting::new("METRICS_ADDR", ":8083", "ADDRESS", listen, "Address of /metrics; 0: not served");
/// Whether metrics are recorded.
pub const METRICS_ENABLED: Setting<bool> =
    Setting::new("METRICS_ENABLED", "true", BOOL, boolean, "Record and serve metrics").key("metrics.enabled");
/// Period of the metrics' upkeep.
pub const METRICS_INTERVAL: Setting<Duration> =
    Setting::new("METRICS_INTERVAL", "15s", "DURATION", period, "Period of the upkeep of histograms")
        .key("metrics.interval");

fn positive_usize(text: &str) -> Result<usize, String> {
    positive(text).map(|number: u32| number as usize)
}

/// The artifact server.
pub const ARTIFACTS: Group = Group {
    title: "Artifact server",
    settings: &[
        ENABLED.info,
        PORT.info,
        BASE_URL.info,
        LATEST.info,
        MAX_CONNECTIONS.info,
        HEADER_TIMEOUT.info,
        IDLE_TIMEOUT.info,
    ],
};

/// Health and metrics.
pub const OPERATIONS: Group = Group {
    title: "Health and metrics",
    settings: &[HEALTH_ADDR.info, METRICS_ADDR.info, METRICS_ENABLED.info, METRICS_INTERVAL.info],
};
