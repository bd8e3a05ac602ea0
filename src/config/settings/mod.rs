//! Every setting, in the groups in which help shows them, and which command takes which.

pub mod cluster;
pub mod hooks;
pub mod http;
pub mod process;
pub mod s3;
pub mod server;
pub mod storage;

use super::setting::Info;

/// Settings under one heading of the help text.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The settings.
    pub settings: &'static [Info],
}

/// Settings of `controller`.
pub const CONTROLLER: &[Group] = &[
    server::ARTIFACTS,
    server::OPERATIONS,
    storage::GROUP,
    s3::GROUP,
    storage::SPOOL,
    cluster::WATCH,
    cluster::LEASE,
    cluster::POD,
    process::SCHEDULE,
    http::CLIENT,
    http::POLICY,
    process::UNPACK,
    hooks::HOOKS,
    hooks::CLIENT,
    process::PROCESS,
];

/// Settings of `hook-executor`.
pub const HOOK_EXECUTOR: &[Group] = &[hooks::HOOKS, hooks::EXECUTOR, hooks::LIMITS, hooks::EGRESS, process::PROCESS];

/// Settings of `local`.
pub const LOCAL: &[Group] = &[
    storage::LOCAL,
    storage::SPOOL,
    process::SCHEDULE,
    http::CLIENT,
    http::POLICY,
    process::UNPACK,
    hooks::LOCAL_HOOKS,
    hooks::LOCAL,
    hooks::LIMITS,
    process::PROCESS,
];

/// Settings of `render`.
pub const RENDER: &[Group] = &[
    storage::SPOOL,
    http::CLIENT,
    http::POLICY,
    process::UNPACK,
    hooks::LOCAL_HOOKS,
    hooks::LOCAL,
    hooks::LIMITS,
    process::LOG,
];

/// Where `local` and `render` differ from the settings' own defaults: people try them against servers on their own
/// machine, with short intervals, and are told about failures without a log.
pub const LOCAL_DEFAULTS: &[(&str, &str)] = &[
    ("ADDRESS_ALLOW", "127.0.0.0/8,::1"),
    ("MIN_INTERVAL", "1s"),
    ("LOG_FORMAT", "text"),
    ("LOG_LEVEL", "error"),
    ("SHUTDOWN_GRACE_PERIOD", "1s"),
];

#[cfg(test)]
mod tests;
