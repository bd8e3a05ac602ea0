//! Settings of the work itself: when it is done, how much at once, and how it is logged.

use std::time::Duration;

use super::Group;
use crate::config::logs::{log_filter, log_format};
use crate::config::parse::{capacity, duration, fraction, number, period, positive};
use crate::config::setting::Setting;
use crate::telemetry::logs::LogFormat;

/// Requests at once. A socket is cheap, and a slow origin holds its place for as long as it likes.
pub const CONCURRENT: Setting<u32> =
    Setting::new("CONCURRENT", "50", "NUMBER", positive, "Origins that are asked at once");
/// Floor of intervals.
pub const MIN_INTERVAL: Setting<Duration> =
    Setting::new("MIN_INTERVAL", "1m", "DURATION", period, "Shorter intervals are raised to this one");
/// First delay.
pub const BASE_DELAY: Setting<Duration> =
    Setting::new("RETRY_BASE_DELAY", "1s", "DURATION", period, "Delay after the first failure; doubles from there")
        .key("retry.baseDelay");
/// Longest delay.
pub const MAX_DELAY: Setting<Duration> =
    Setting::new("RETRY_MAX_DELAY", "5m", "DURATION", period, "Longest delay between retries").key("retry.maxDelay");
/// Retries in a row.
pub const MAX_ATTEMPTS: Setting<u32> = Setting::new(
    "RETRY_MAX_ATTEMPTS",
    "10",
    "NUMBER",
    number,
    "Retries in a row; after that, the next one is the next interval's",
)
.key("retry.maxAttempts");
/// Jitter of delays.
pub const JITTER_FACTOR: Setting<f64> =
    Setting::new("RETRY_JITTER_FACTOR", "0.25", "FRACTION", fraction, "Delays vary by up to this fraction")
        .key("retry.jitterFactor");

/// Entries of an unpacked archive.
pub const UNPACK_ENTRIES: Setting<u64> =
    Setting::new("UNPACK_MAX_ENTRIES", "10000", "NUMBER", positive, "Entries of an archive that is unpacked");
/// Bytes of an unpacked archive.
pub const UNPACK_TOTAL: Setting<u64> = Setting::new(
    "UNPACK_MAX_TOTAL_SIZE",
    "512Mi",
    "SIZE",
    capacity,
    "Total size in bytes of what an archive unpacks to",
);
/// Bytes of one unpacked file.
pub const UNPACK_FILE: Setting<u64> =
    Setting::new("UNPACK_MAX_FILE_SIZE", "256Mi", "SIZE", capacity, "Size in bytes of one unpacked file");
/// Unpacked bytes per packed byte.
pub const UNPACK_RATIO: Setting<u64> =
    Setting::new("UNPACK_MAX_RATIO", "200", "NUMBER", positive, "Unpacked bytes per packed byte, over a whole archive");

/// How long open work may take at the end.
pub const SHUTDOWN_GRACE: Setting<Duration> = Setting::new(
    "SHUTDOWN_GRACE_PERIOD",
    "25s",
    "DURATION",
    duration,
    "How long runs and downloads may go on after SIGTERM; shorter than the pod's terminationGracePeriodSeconds",
);
/// What is logged.
pub const LOG_LEVEL: Setting<String> = Setting::new(
    "LOG_LEVEL",
    "info",
    "LEVEL",
    log_filter,
    "error, warn, info, debug or trace, or a filter such as info,kube=debug",
);
/// How it is logged.
pub const LOG_FORMAT: Setting<LogFormat> =
    Setting::new("LOG_FORMAT", "json", "FORMAT", log_format, "Form of log lines: json or text");

/// When sources run.
pub const SCHEDULE: Group = Group {
    title: "Runs",
    settings: &[
        CONCURRENT.info,
        MIN_INTERVAL.info,
        BASE_DELAY.info,
        MAX_DELAY.info,
        MAX_ATTEMPTS.info,
        JITTER_FACTOR.info,
    ],
};

/// Limits of unpacking.
pub const UNPACK: Group = Group {
    title: "Unpacking",
    settings: &[UNPACK_ENTRIES.info, UNPACK_TOTAL.info, UNPACK_FILE.info, UNPACK_RATIO.info],
};

/// The process.
pub const PROCESS: Group =
    Group { title: "Process", settings: &[SHUTDOWN_GRACE.info, LOG_LEVEL.info, LOG_FORMAT.info] };

/// Logs alone.
pub const LOG: Group = Group { title: "Logs", settings: &[LOG_LEVEL.info, LOG_FORMAT.info] };
