//! Settings of the address policy, from the ADDRESS_* environment.

use std::net::IpAddr;

use ipnet::IpNet;

/// Which addresses may be connected to. Decided in this order: `deny`, `allow`, the built-in list,
/// `deny_private`.
#[derive(Debug, Clone, Default)]
pub struct AddressSettings {
    /// Never connect to these.
    pub deny: Vec<IpNet>,
    /// Connect to these although the built-in list or `deny_private` forbids it.
    pub allow: Vec<IpNet>,
    /// Forbid the private ranges (RFC 1918, RFC 4193, RFC 6598) too.
    pub deny_private: bool,
    /// Addresses of the API server; forbidden as the built-in list is.
    pub api_server: Vec<IpAddr>,
}
