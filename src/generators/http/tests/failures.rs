//! What each failure means for the next attempt.

use std::time::Duration;

use super::support::{Ask, Origin, Reply};
use crate::api::conditions::reasons;
use crate::failure::Class;

async fn status(status: &'static str, headers: &'static [&'static str]) -> crate::failure::Failure {
    let origin = Origin::start(move |_| Reply::answer(status, headers, b"the body")).await;
    let failure = Ask::get(origin.url("/p?token=canary")).failure().await;
    assert_eq!(failure.reason, reasons::FETCH_FAILED);
    let code = status.split(' ').next().unwrap();
    let start = format!("GET http://{}/p: the origin answered {code} ", origin.address);
    assert!(failure.message.starts_with(&start), "{failure}");
    assert_eq!(origin.requests().len(), 1, "the caller retries, not the generator");
    failure
}

#[tokio::test]
async fn what_is_likely_to_pass_is_transient() {
    for code in ["500 X", "502 X", "503 X", "504 X", "501 X", "507 X", "599 X", "408 X", "425 X", "429 X"] {
        assert_eq!(status(code, &[]).await.class, Class::TRANSIENT, "{code}");
    }
}

#[tokio::test]
async fn every_other_answer_is_refused() {
    for code in [
        "201 X", "202 X", "204 X", "203 X", "206 X", "300 X", "305 X", "400 X", "401 X", "403 X", "404 X", "405 X",
        "406 X", "410 X", "418 X", "451 X", "499 X",
    ] {
        assert_eq!(status(code, &[]).await.class, Class::Refused, "{code}");
    }
}

#[tokio::test]
async fn the_origin_says_when_to_come_back() {
    let date: &[&str] = &["Date: Wed, 21 Oct 2026 07:28:00 GMT", "Retry-After: Wed, 21 Oct 2026 07:28:30 GMT"];
    let limited: &[&str] = &["X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 77"];
    for (code, headers, seconds) in [
        ("503 X", &["Retry-After: 17"] as &[&str], 17),
        ("429 X", date, 30),
        ("429 X", &["Retry-After: 999999"], 3600),
        ("403 X", limited, 77),
        ("403 X", &["Retry-After: 60"], 60),
    ] {
        let expected = Class::Transient { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(status(code, headers).await.class, expected, "{code} {headers:?}");
    }
    assert_eq!(status("404 X", &["Retry-After: 17"]).await.class, Class::Refused);
}

#[tokio::test]
async fn no_connection_is_transient() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let failure = Ask::get(format!("http://{address}/")).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::FETCH_FAILED));
    assert!(failure.message.ends_with("the connection was refused"), "{failure}");
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_transient() {
    let failure = Ask::get("http://does-not-exist.invalid/").failure().await;
    assert_eq!(failure.class, Class::TRANSIENT);
    assert_eq!(failure.message, "GET http://does-not-exist.invalid/: the host's name could not be resolved");
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_transient() {
    for reply in ["", "HTTP/1.1 200 OK\r\nContent-", "SSH-2.0-OpenSSH_9.9\r\n"] {
        let origin = Origin::start(move |_| Reply::text(reply)).await;
        let failure = Ask::get(origin.url("/")).failure().await;
        assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::FETCH_FAILED));
        assert!(failure.message.ends_with("the connection broke before the origin answered"), "{failure}");
    }
}

#[tokio::test]
async fn waiting_for_the_answer_has_a_limit() {
    let origin = Origin::start(|_| Reply::Stall(b"HTTP/1.1 200 OK\r\n".to_vec())).await;
    let ask = Ask::get(origin.url("/")).with(|ask| ask.settings.timeout = Duration::from_secs(1));
    let failure = ask.failure().await;
    assert_eq!(failure.class, Class::TRANSIENT);
    assert!(failure.message.ends_with("an answer did not come within 1s"), "{failure}");
}

#[tokio::test]
async fn a_body_that_cannot_be_kept_is_transient_and_the_storages_fault() {
    use crate::generators::{Generator as _, Progress, Request, Secrets};
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], &[b'x'; 1000])).await;
    let ask = Ask::get(origin.url("/"));
    let request = Request {
        spec: &ask.generator_spec(),
        secrets: &Secrets::new(),
        pre_request: None,
        validators: None,
        keep_head: false,
        spools: &crate::spool::Spools::new(10, "/does/not/exist"),
        progress: &Progress::default(),
    };
    let failure = ask.generator().generate(request).await.unwrap_err();
    assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::STORAGE_OPERATION_FAILED), "{failure}");
}
