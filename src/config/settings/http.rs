//! Settings of the `http` generator.

use std::time::Duration;

use ipnet::IpNet;

use super::Group;
use crate::config::parse::{boolean, capacity, limit, networks, number, period, user_agent};
use crate::config::setting::{BOOL, Setting};

/// Sent when the user sets no other.
const USER_AGENT_DEFAULT: &str = concat!("flux-externalsource-controller/", env!("CARGO_PKG_VERSION"));

/// Limit for each phase of a request.
pub const TIMEOUT: Setting<Duration> = Setting::new(
    "HTTP_TIMEOUT",
    "30s",
    "DURATION",
    period,
    "Limit for connecting, for the headers and for each wait for more data; not for the whole body",
)
.key("http.timeout");
/// Idle connections over all hosts.
pub const MAX_IDLE: Setting<usize> = Setting::new(
    "HTTP_MAX_IDLE_CONNS",
    "100",
    "NUMBER",
    limit,
    "Upper bound of HTTP_MAX_IDLE_CONNS_PER_HOST; 0: no limit",
)
.key("http.maxIdleConns");
/// Idle connections per host.
pub const MAX_IDLE_PER_HOST: Setting<usize> =
    Setting::new("HTTP_MAX_IDLE_CONNS_PER_HOST", "10", "NUMBER", limit, "Idle connections kept per host; 0: no limit")
        .key("http.maxIdleConnsPerHost");
/// Requests at once per host.
pub const MAX_PER_HOST: Setting<usize> =
    Setting::new("HTTP_MAX_CONNS_PER_HOST", "100", "NUMBER", limit, "Requests under way per host; 0: no limit")
        .key("http.maxConnsPerHost");
/// Life of an idle connection.
pub const IDLE_TIMEOUT: Setting<Duration> =
    Setting::new("HTTP_IDLE_CONN_TIMEOUT", "90s", "DURATION", period, "How long an idle connection is kept")
        .key("http.idleConnTimeout");
/// The `User-Agent` header.
pub const USER_AGENT: Setting<String> =
    Setting::new("HTTP_USER_AGENT", USER_AGENT_DEFAULT, "TEXT", user_agent, "The User-Agent header")
        .key("http.userAgent");
/// Largest body.
pub const MAX_BODY: Setting<u64> = Setting::new(
    "HTTP_MAX_BODY_SIZE",
    "256Mi",
    "SIZE",
    capacity,
    "Largest body in bytes, as it comes over the wire and after decoding",
);
/// Redirects.
pub const MAX_REDIRECTS: Setting<usize> =
    Setting::new("HTTP_MAX_REDIRECTS", "10", "NUMBER", number, "Redirects followed per request");

/// Allowed addresses.
pub const ADDRESS_ALLOW: Setting<Vec<IpNet>> = Setting::optional(
    "ADDRESS_ALLOW",
    "NETWORKS",
    networks,
    "Networks to connect to although they are forbidden otherwise, such as 127.0.0.0/8,::1",
);
/// Forbidden addresses.
pub const ADDRESS_DENY: Setting<Vec<IpNet>> = Setting::optional(
    "ADDRESS_DENY",
    "NETWORKS",
    networks,
    "Networks never to connect to, in addition to loopback, link-local, metadata and the API server",
);
/// Whether private ranges are forbidden.
pub const ADDRESS_DENY_PRIVATE: Setting<bool> = Setting::new(
    "ADDRESS_DENY_PRIVATE",
    "false",
    BOOL,
    boolean,
    "Never connect to private networks (RFC 1918 and others)",
);
/// Whether plain HTTP is forbidden.
pub const FORBID_PLAIN_HTTP: Setting<bool> =
    Setting::new("FORBID_PLAIN_HTTP", "false", BOOL, boolean, "Refuse http:// URLs");
/// Whether `insecureSkipVerify` is forbidden.
pub const FORBID_INSECURE: Setting<bool> =
    Setting::new("FORBID_INSECURE_SKIP_VERIFY", "false", BOOL, boolean, "Refuse insecureSkipVerify: true");

/// The client.
pub const CLIENT: Group = Group {
    title: "HTTP client",
    settings: &[
        TIMEOUT.info,
        MAX_IDLE.info,
        MAX_IDLE_PER_HOST.info,
        MAX_PER_HOST.info,
        IDLE_TIMEOUT.info,
        USER_AGENT.info,
        MAX_BODY.info,
        MAX_REDIRECTS.info,
    ],
};

/// Where requests may go.
pub const POLICY: Group = Group {
    title: "Where requests may go",
    settings: &[
        ADDRESS_ALLOW.info,
        ADDRESS_DENY.info,
        ADDRESS_DENY_PRIVATE.info,
        FORBID_PLAIN_HTTP.info,
        FORBID_INSECURE.info,
    ],
};
