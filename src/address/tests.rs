//! Addresses in every form that has been used to get past a policy.

use super::*;

fn settings() -> AddressSettings {
    AddressSettings {
        api_server: vec!["10.96.0.1".parse().unwrap(), "fd12::1".parse().unwrap()],
        ..AddressSettings::default()
    }
}

fn nets(nets: &[&str]) -> Vec<IpNet> {
    nets.iter().map(|net| net.parse().unwrap()).collect()
}

fn permits(settings: &AddressSettings, address: &str) -> bool {
    AddressPolicy::new(settings).check(address.parse().unwrap()).is_ok()
}

#[test]
fn every_built_in_network_is_valid() {
    assert_eq!(parse(BUILT_IN).len(), BUILT_IN.len());
    assert_eq!(parse(PRIVATE).len(), PRIVATE.len());
}

#[test]
fn forbids_by_default_what_is_never_an_origin() {
    for address in [
        "127.0.0.1",
        "127.255.255.254",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "224.0.0.1",
        "239.255.255.255",
        "255.255.255.255",
        "10.96.0.1",
        "::",
        "::1",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
        "ff02::1",
        "fd12::1",
        // Mapped, compatible, translated.
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "::ffff:0.0.0.0",
        "::ffff:10.96.0.1",
        "::127.0.0.1",
        "::a9fe:a9fe",
        "::ffff:0:127.0.0.1",
        "::ffff:0:a9fe:a9fe",
        // NAT64, well known and for local use with prefixes of 48, 56, 64 and 96 bits.
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::10.96.0.1",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:a9:fe:a9fe::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        "64:ff9b:1::a9fe:a9fe",
        // 6to4, Teredo (server, client), ISATAP.
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:a60:1::",
        "2001:0:a9fe:a9fe::",
        "2001:0:102:304::5601:5601",
        "2001:db8::5efe:127.0.0.1",
        "2001:db8::200:5efe:a9fe:a9fe",
        "fe80::5efe:10.0.0.1",
    ] {
        assert!(!permits(&settings(), address), "{address}");
    }
}

#[test]
fn permits_the_rest_by_default() {
    for address in [
        "1.1.1.1",
        "10.0.0.1",
        "10.96.0.2",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "223.255.255.255",
        "192.0.0.191",
        "2606:4700::1111",
        "fd00::1",
        "fd12::2",
        "::ffff:1.1.1.1",
        "::1.1.1.1",
        "64:ff9b::1.1.1.1",
        "64:ff9b:1::1.1.1.1",
        "2002:101:101::1",
        "2001:db8::1",
        "2001:0:102:304::fefe:fefe",
    ] {
        assert!(permits(&settings(), address), "{address}");
    }
}

#[test]
fn private_ranges_are_forbidden_when_asked_in_every_form() {
    let strict = AddressSettings { deny_private: true, ..settings() };
    for address in [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "fd00::1",
        "fc00::1",
        "fec0::1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::192.168.1.1",
        "2002:a00:1::",
    ] {
        assert!(!permits(&strict, address), "{address}");
    }
    for address in ["172.32.0.1", "100.128.0.1", "8.8.8.8", "2606:4700::1111"] {
        assert!(permits(&strict, address), "{address}");
    }
}

#[test]
fn deny_comes_before_allow_and_allow_before_the_rest() {
    let settings = AddressSettings {
        deny: nets(&["127.0.0.2/32", "10.1.0.0/16", "2001:db8:1::/48"]),
        allow: nets(&["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"]),
        deny_private: true,
        ..settings()
    };
    for (address, permitted) in [
        ("127.0.0.1", true),
        ("127.0.0.2", false),
        ("::ffff:127.0.0.1", true),
        ("::ffff:127.0.0.2", false),
        ("64:ff9b::127.0.0.1", true),
        ("64:ff9b::10.1.0.1", false),
        ("10.0.0.1", true),
        ("10.1.0.1", false),
        ("10.96.0.1", true),
        ("192.168.0.1", false),
        ("2001:db8::1", true),
        ("2001:db8:1::1", false),
    ] {
        assert_eq!(permits(&settings, address), permitted, "{address}");
    }
}

#[test]
fn allowing_a_carrier_allows_what_it_carries_except_what_is_denied() {
    let settings = AddressSettings { allow: nets(&["64:ff9b::/96"]), deny: nets(&["169.254.0.0/16"]), ..settings() };
    assert!(permits(&settings, "64:ff9b::127.0.0.1"));
    assert!(!permits(&settings, "64:ff9b::169.254.169.254"));
    assert!(!permits(&settings, "127.0.0.1"));
}

#[test]
fn mapped_networks_in_the_settings_mean_ipv4() {
    let settings = AddressSettings {
        deny: nets(&["::ffff:8.8.8.0/120"]),
        api_server: vec!["::ffff:10.96.0.9".parse().unwrap()],
        ..AddressSettings::default()
    };
    for address in ["8.8.8.8", "::ffff:8.8.8.8", "10.96.0.9"] {
        assert!(!permits(&settings, address), "{address}");
    }
    assert!(permits(&settings, "8.8.9.8"));
}

#[test]
fn literal_hosts_are_recognised_in_every_notation() {
    let policy = AddressPolicy::new(&settings());
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "0",
        "0x0",
        "169.254.43518",
        "0xa9fea9fe",
        "[::1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "user@127.0.0.1",
        "user:pass@[::1]:80",
    ] {
        let url: Url = format!("http://{host}/").parse().unwrap();
        assert_eq!(policy.check_literal(&url), Err(AddressDenied), "{host} is {url}");
    }
    for host in ["example.com", "127.0.0.1.example.com", "localhost.example.com", "1.1.1.1", "127-0-0-1.test"] {
        let url: Url = format!("http://{host}/").parse().unwrap();
        assert_eq!(policy.check_literal(&url), Ok(()), "{host} is {url}");
    }
}
