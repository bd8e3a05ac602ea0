//! Addresses to listen on and to be found under.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::Url;

use super::parse::Rejected;

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listen {
    /// The address; every address of the host when absent.
    pub ip: Option<IpAddr>,
    /// The port; the system picks one when 0.
    pub port: u16,
}

impl Listen {
    /// Every address of the host.
    pub const fn everywhere(port: u16) -> Self {
        Self { ip: None, port }
    }

    /// What to try to bind, in this order: without an address IPv6, which takes IPv4 connections too, and IPv4 alone
    /// where the host has no IPv6.
    pub fn candidates(&self) -> Vec<SocketAddr> {
        let any = [IpAddr::from(Ipv6Addr::UNSPECIFIED), IpAddr::from(Ipv4Addr::UNSPECIFIED)];
        let ips = self.ip.map_or_else(|| any.to_vec(), |ip| vec![ip]);
        ips.into_iter().map(|ip| SocketAddr::new(ip, self.port)).collect()
    }

    /// Whether two servers cannot listen on both.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        let overlap = match (self.ip, other.ip) {
            (Some(a), Some(b)) => a == b || a.is_unspecified() || b.is_unspecified(),
            _ => true,
        };
        self.port != 0 && self.port == other.port && overlap
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ip {
            Some(ip) => SocketAddr::new(ip, self.port).fmt(f),
            None => write!(f, ":{}", self.port),
        }
    }
}

/// `:8081`, `127.0.0.1:8081`, `[::1]:8081` or `localhost:8081`; `0` switches the server off, as in controller-runtime.
pub fn listen(text: &str) -> Result<Option<Listen>, Rejected> {
    let rejected = || "must be an address such as \":8081\" or \"127.0.0.1:8081\", or \"0\" for none".to_owned();
    if text == "0" {
        return Ok(None);
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(rejected)?;
    let port = port.parse().map_err(|_| rejected())?;
    let ip = match host {
        "" => None,
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        _ => Some(text.parse::<SocketAddr>().map_err(|_| rejected())?.ip()),
    };
    Ok(Some(Listen { ip, port }))
}

/// The port of the artifact server.
pub fn port(text: &str) -> Result<u16, Rejected> {
    text.parse().ok().filter(|&port| port != 0).ok_or_else(|| "must be a port from 1 to 65535".into())
}

/// A URL to put keys behind, without its trailing slash.
pub fn base_url(text: &str) -> Result<String, Rejected> {
    let url = Url::parse(text).map_err(|error| format!("must be a URL: {error}"))?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain || url.fragment().is_some() || !url.has_host() {
        return Err("must be an http or https URL without user, query and fragment".into());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
