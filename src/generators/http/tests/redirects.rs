//! Redirects over real origins: what is followed, what is dropped, where it ends.

use super::support::{Ask, Origin, Reply};
use crate::api::conditions::reasons;
use crate::failure::Class;

async fn redirecting_to(url: String) -> Origin {
    Origin::start(move |_| Reply::answer("302 Found", &[&format!("Location: {url}")], b"moved")).await
}

#[tokio::test]
async fn the_same_origin_gets_the_secret_again() {
    let origin = Origin::start(|head| match head {
        head if head.starts_with("GET /new ") => Reply::answer("200 OK", &[], b"x"),
        _ => Reply::answer("307 Temporary Redirect", &["Location: new"], b""),
    })
    .await;
    let url = format!("http://user:pass@{}/old", origin.address);
    Ask::get(url).headers("s", &[("X-Api-Key", "canary")]).body().await;
    assert!(origin.saw("x-api-key: canary") && origin.requests()[1].contains("authorization: basic"));
}

#[tokio::test]
async fn another_origin_gets_nothing_of_the_secret() {
    let target = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let origin = redirecting_to(target.url("/t")).await;
    let url = format!("http://user:pass@{}/old?token=canary", origin.address);
    let headers = [("X-Api-Key", "canary"), ("Accept", "canary"), ("Authorization", "canary")];
    assert_eq!(Ask::get(url).headers("s", &headers).body().await, b"x");
    assert!(origin.saw("x-api-key: canary"));
    let head = target.requests().pop().unwrap();
    assert!(!head.contains("canary") && !head.contains("authorization"), "{head}");
    assert!(target.saw("user-agent: agent/1"));
}

#[tokio::test]
async fn a_refusal_after_dropping_the_secret_says_so() {
    let target = Origin::start(|_| Reply::answer("401 Unauthorized", &[], b"")).await;
    let origin = redirecting_to(target.url("/")).await;
    let with = Ask::get(origin.url("/")).headers("s", &[("X-Api-Key", "k")]).failure().await;
    assert!(with.message.contains("never sent the headers of headersSecretRef"), "{with}");
    let without = Ask::get(origin.url("/")).failure().await;
    assert!(without.message.ends_with("the origin answered 401 Unauthorized"), "{without}");
}

#[tokio::test]
async fn a_post_becomes_a_get_where_browsers_do_that() {
    let origin = Origin::start(|head| match head {
        head if head.starts_with("GET /new ") => Reply::answer("200 OK", &[], b"x"),
        _ => Reply::answer("303 See Other", &["Location: /new"], b""),
    })
    .await;
    Ask::get(origin.url("/")).with(|ask| ask.spec.method = Some("POST".to_owned())).body().await;
    assert!(origin.saw("get /new http/1.1") && !origin.requests()[1].contains("content-length"));
}

#[tokio::test]
async fn redirects_are_counted() {
    let origin = Origin::start(|_| Reply::answer("302 Found", &["Location: /again"], b"")).await;
    let failure = Ask::get(origin.url("/")).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::FETCH_FAILED));
    assert!(failure.message.ends_with("redirected more than 3 times"), "{failure}");
    assert_eq!(origin.requests().len(), 4);
    let none = Ask::get(origin.url("/")).with(|ask| ask.settings.max_redirects = 0).failure().await;
    assert!(none.message.ends_with("redirected more than 0 times"), "{none}");
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_is_refused_and_not_connected_to() {
    let inside = Origin::start(|_| Reply::answer("200 OK", &[], b"secret")).await;
    for host in ["127.0.0.2", "2130706434", "[::ffff:127.0.0.2]", "[64:ff9b::127.0.0.2]", "[::1]"] {
        let origin = redirecting_to(format!("http://{host}:{}/", inside.address.port())).await;
        let ask = Ask::get(origin.url("/"));
        let ask = ask.with(|ask| ask.settings.addresses.deny = vec!["127.0.0.2/32".parse().unwrap()]);
        let failure = ask.failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::FETCH_FAILED), "{host}");
        assert!(failure.message.contains("the address policy"), "{failure}");
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_out_of_http_is_refused() {
    for url in ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/"] {
        let failure = Ask::get(redirecting_to(url.to_owned()).await.url("/")).failure().await;
        assert_eq!(failure.class, Class::Refused);
        assert!(failure.message.ends_with("redirected to something other than http or https"), "{failure}");
    }
}

#[tokio::test]
async fn a_chain_between_two_hosts_with_one_turn_each_does_not_wait_for_itself() {
    let origin = Origin::start(|head| match head {
        head if head.starts_with("GET /3 ") => Reply::answer("200 OK", &[], b"x"),
        head if head.starts_with("GET /2 ") => Reply::answer("302 Found", &["Location: /3"], b""),
        _ => Reply::answer("302 Found", &["Location: /2"], b""),
    })
    .await;
    let ask = Ask::get(origin.url("/1")).with(|ask| ask.settings.max_connections_per_host = 1);
    assert_eq!(ask.body().await, b"x");
}
