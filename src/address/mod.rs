//! The address policy: which IP addresses may be connected to for a user. Tenants write URLs and commands, and we connect
//! for them from inside the cluster, so without it anybody who may create an ExternalSource could read cloud metadata or
//! the controller's own ports (server-side request forgery).

mod settings;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

pub use settings::AddressSettings;

/// The policy forbids the address. The text names no address: what a name resolves to inside the cluster is not for
/// whoever wrote the URL to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address policy forbids the host's address")]
pub struct AddressDenied;

/// Decides on addresses: `deny` before `allow` before the built-in list before `deny_private`.
#[derive(Debug)]
pub struct AddressPolicy {
    deny: Vec<IpNet>,
    allow: Vec<IpNet>,
    forbidden: Vec<IpNet>,
}

/// Never connected to unless allowed: each with what lives there.
const BUILT_IN: &[&str] = &[
    // Loopback: the controller's own ports and its sidecar's.
    "127.0.0.0/8",
    "::1/128",
    // "This network" (RFC 1122); Linux connects 0.0.0.0 to itself.
    "0.0.0.0/8",
    "::/128",
    // Link-local, where most clouds keep their metadata (169.254.169.254, 169.254.170.2).
    "169.254.0.0/16",
    "fe80::/10",
    // Metadata elsewhere: AWS (also fd00:ec2::254 and ::23), Google, Scaleway, Azure's wire server, Alibaba, Oracle.
    "fd00:ec2::/32",
    "fd20:ce::254/128",
    "fd00:42::42/128",
    "168.63.129.16/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
    // Multicast and broadcast.
    "224.0.0.0/4",
    "ff00::/8",
    "255.255.255.255/32",
];

/// RFC 1918, RFC 6598, RFC 4193, and the site-local range that RFC 4193 replaced.
const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7", "fec0::/10"];

impl AddressPolicy {
    /// The policy that `settings` describe.
    pub fn new(settings: &AddressSettings) -> Self {
        let mut forbidden = parse(BUILT_IN);
        forbidden.extend(settings.api_server.iter().map(|&address| canonical_net(address.into())));
        if settings.deny_private {
            forbidden.extend(parse(PRIVATE));
        }
        Self {
            deny: settings.deny.iter().copied().map(canonical_net).collect(),
            allow: settings.allow.iter().copied().map(canonical_net).collect(),
            forbidden,
        }
    }

    /// Decides on an address that is about to be connected to.
    ///
    /// An IPv6 address that carries an IPv4 address is only as good as both: a gateway on the way may unwrap it.
    pub fn check(&self, address: IpAddr) -> Result<(), AddressDenied> {
        let address = address.to_canonical();
        let carried = carried(address);
        let denied = std::iter::once(&address).chain(&carried).any(|form| contains(&self.deny, *form));
        if denied {
            return Err(AddressDenied);
        }
        // Whoever allows the very address that is connected to has decided about what it carries too.
        if contains(&self.allow, address) {
            return Ok(());
        }
        let permitted = |form: &IpAddr| contains(&self.allow, *form) || !contains(&self.forbidden, *form);
        if permitted(&address) && carried.iter().all(permitted) { Ok(()) } else { Err(AddressDenied) }
    }

    /// Whether somebody has allowed this very address.
    pub fn allows(&self, address: IpAddr) -> bool {
        contains(&self.allow, address.to_canonical())
    }

    /// Decides on the URL's host where that is an address; names pass, they are decided on once they are resolved.
    /// `url` has brought odd notations (octal, hexadecimal, a single number, full-width digits) into the usual form.
    pub fn check_literal(&self, url: &Url) -> Result<(), AddressDenied> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.check(address.into()),
            Some(Host::Ipv6(address)) => self.check(address.into()),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }
}

fn parse(nets: &[&str]) -> Vec<IpNet> {
    // All are literals of this file; a test parses each of them.
    nets.iter().filter_map(|net| net.parse().ok()).collect()
}

fn contains(nets: &[IpNet], address: IpAddr) -> bool {
    nets.iter().any(|net| net.contains(&address))
}

/// IPv4-mapped networks as the IPv4 networks that they mean, because addresses are compared in that form.
fn canonical_net(net: IpNet) -> IpNet {
    if let IpNet::V6(v6) = net
        && v6.prefix_len() >= 96
        && let Some(v4) = v6.addr().to_ipv4_mapped()
        && let Ok(v4) = Ipv4Net::new(v4, v6.prefix_len() - 96)
    {
        return v4.into();
    }
    net
}

/// The IPv4 addresses that an IPv6 address may carry, over all forms in use.
fn carried(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(address) = address else { return Vec::new() };
    let octets = address.octets();
    let at = |i: usize| Ipv4Addr::new(octets[i], octets[i + 1], octets[i + 2], octets[i + 3]);
    let within = |net: Ipv6Addr, bits: u8| Ipv6Net::new(net, bits).is_ok_and(|net| net.contains(&address));
    let mut found = Vec::new();
    // IPv4-compatible (RFC 4291 2.5.5.1, deprecated); :: and ::1 are addresses of their own.
    if within(Ipv6Addr::UNSPECIFIED, 96) && !address.is_unspecified() && !address.is_loopback() {
        found.push(at(12));
    }
    // IPv4-translated (RFC 2765) and the well-known NAT64 prefix (RFC 6052).
    if within(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96)
        || within(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96)
    {
        found.push(at(12));
    }
    // NAT64 for local use (RFC 8215): the operator picks any prefix length of RFC 6052 2.2 within the /48, and only one
    // reading is the real one. Octet 8 is skipped by that RFC's layouts; 0.x.y.z is no destination, so a reading that
    // gives it is a wrong one.
    if within(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48) {
        let by_48_bits = Ipv4Addr::new(octets[6], octets[7], octets[9], octets[10]);
        let by_56_bits = Ipv4Addr::new(octets[7], octets[9], octets[10], octets[11]);
        found.extend([by_48_bits, by_56_bits, at(9), at(12)].into_iter().filter(|found| found.octets()[0] != 0));
    }
    // 6to4 (RFC 3056).
    if within(Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16) {
        found.push(at(2));
    }
    // Teredo (RFC 4380): the server's address, and the client's with every bit flipped.
    if within(Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32) {
        found.extend([at(4), Ipv4Addr::from_bits(!at(12).to_bits())]);
    }
    // ISATAP (RFC 5214) below any prefix, with or without the "universal" bit.
    if matches!(octets[8..12], [0 | 2, 0, 0x5e, 0xfe]) {
        found.push(at(12));
    }
    found.into_iter().map(IpAddr::V4).collect()
}

#[cfg(test)]
mod tests;
