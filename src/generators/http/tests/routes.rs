//! Where requests may go: names that resolve to forbidden addresses, and proxies.

use super::support::{Ask, Origin, Reply};
use crate::address::AddressSettings;
use crate::api::conditions::reasons;
use crate::failure::Class;
use crate::generators::http::ProxySettings;

fn no_exception(ask: &mut Ask) {
    ask.settings.addresses = AddressSettings::default();
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let url = format!("http://localhost:{}/", origin.address.port());
    let failure = Ask::get(&*url).with(no_exception).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::FETCH_FAILED));
    assert!(failure.message.ends_with("forbids the address of the host") && !failure.message.contains("127."));
    assert!(origin.requests().is_empty());
    assert_eq!(Ask::get(url).body().await, b"x");
}

#[tokio::test]
async fn a_forbidden_literal_needs_an_edit_of_the_spec() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let failure = Ask::get(origin.url("/")).with(no_exception).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Configuration, reasons::INVALID_URL));
    assert!(failure.message.starts_with("spec.generator.http.url leads to an address"), "{failure}");
    assert!(origin.requests().is_empty());
}

fn proxy(origin: &Origin, no_proxy: &str) -> ProxySettings {
    ProxySettings { http: origin.url(""), https: origin.url(""), no_proxy: no_proxy.to_owned() }
}

#[tokio::test]
async fn a_proxy_is_reached_although_its_address_is_forbidden_and_gets_the_whole_url() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"from the proxy")).await;
    let ask = Ask::get("http://host.invalid/x").with(no_exception).with(|ask| ask.proxies = proxy(&origin, ""));
    assert_eq!(ask.body().await, b"from the proxy");
    assert!(origin.saw("get http://host.invalid/x http/1.1"), "{:?}", origin.requests());
}

#[tokio::test]
async fn a_proxy_does_not_open_what_the_policy_forbids() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    for (url, class) in [
        ("http://169.254.169.254/", Class::Configuration),
        ("http://[::ffff:a9fe:a9fe]/", Class::Configuration),
        ("https://0x7f.1/", Class::Configuration),
        ("http://localhost/", Class::Refused),
        ("https://localhost/", Class::Refused),
    ] {
        let ask = Ask::get(url).with(no_exception).with(|ask| ask.proxies = proxy(&origin, ""));
        assert_eq!(ask.failure().await.class, class, "{url}");
    }
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn hosts_of_no_proxy_are_reached_directly_and_under_the_policy() {
    let through = Origin::start(|_| Reply::answer("200 OK", &[], b"proxied")).await;
    let direct = Origin::start(|_| Reply::answer("200 OK", &[], b"direct")).await;
    let url = format!("http://localhost:{}/", direct.address.port());
    let ask = || Ask::get(&*url).with(|ask| ask.proxies = proxy(&through, "localhost,10.0.0.0/8"));
    assert_eq!(ask().body().await, b"direct");
    assert_eq!(ask().with(no_exception).failure().await.class, Class::Refused);
    assert!(through.requests().is_empty());
}

#[tokio::test]
async fn every_hop_is_routed_anew() {
    let direct = Origin::start(|_| Reply::answer("302 Found", &["Location: http://host.invalid/y"], b"")).await;
    let through = Origin::start(|_| Reply::answer("200 OK", &[], b"proxied")).await;
    let ask = Ask::get(direct.url("/")).with(|ask| ask.proxies = proxy(&through, "127.0.0.1"));
    assert_eq!(ask.body().await, b"proxied");
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_not_gone_around() {
    let direct = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let through = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let ask = Ask::get(direct.url("/")).with(|ask| ask.proxies.http = format!("socks5://{}", through.address));
    assert_eq!(ask.failure().await.class, Class::TRANSIENT);
    assert!(direct.requests().is_empty() && through.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_that_refuses_a_tunnel_is_transient() {
    let origin = Origin::start(|_| Reply::answer("502 Bad Gateway", &[], b"")).await;
    let ask = Ask::get("https://host.invalid/").with(|ask| ask.proxies = proxy(&origin, ""));
    let failure = ask.failure().await;
    assert_eq!(failure.class, Class::TRANSIENT);
    assert!(failure.message.ends_with("no connection could be made through the proxy"), "{failure}");
    assert!(origin.saw("connect host.invalid:443 http/1.1"));
}
