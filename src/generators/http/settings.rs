//! Settings of the `http` generator, from the HTTP_* and ADDRESS_* environment.

use std::time::Duration;

use crate::address::AddressSettings;

/// Settings of the `http` generator.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// Limit for the answer's headers, connecting included (of which that may take nine tenths), and for each wait for
    /// more data; never for the whole body.
    pub timeout: Duration,
    /// Idle connections kept over all hosts; 0 is no limit, as in Go. The connection pool has a limit per host only, so
    /// this acts as an upper bound of the next field: a single host never keeps more than either says.
    pub max_idle_connections: usize,
    /// Idle connections kept per host; 0 stands for 2, as in Go.
    pub max_idle_connections_per_host: usize,
    /// Requests under way per host and port; more wait for their turn. 0 is no limit, as in Go.
    pub max_connections_per_host: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Largest body in bytes, as it comes over the wire and after decoding.
    pub max_body: u64,
    /// Redirects followed per request.
    pub max_redirects: usize,
    /// Where requests may go.
    pub addresses: AddressSettings,
    /// Refuse `http://` URLs.
    pub forbid_plain_http: bool,
    /// Refuse `insecureSkipVerify: true`.
    pub forbid_insecure_skip_verify: bool,
}
