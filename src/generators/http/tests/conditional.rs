//! Conditional requests.

use super::support::{Ask, Origin, Reply};
use crate::api::conditions::reasons;
use crate::failure::Class;
use crate::generators::{Answer, Generator as _};

const DATE: &str = "Wed, 21 Oct 2026 07:28:00 GMT";

#[tokio::test]
async fn not_modified_is_an_answer_to_a_condition_only() {
    let origin = Origin::start(|_| Reply::text("HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n")).await;
    let ask = |etag, date| Ask::get(origin.url("/")).validators(etag, date);
    assert!(matches!(ask(Some("\"v1\""), Some(DATE)).run().await, Ok(Answer::NotModified)));
    assert!(origin.saw("if-none-match: \"v1\"") && !origin.requests()[0].contains("if-modified-since"));
    assert!(matches!(ask(None, Some(DATE)).run().await, Ok(Answer::NotModified)));
    assert!(origin.saw(&format!("if-modified-since: {}", DATE.to_lowercase())));
    for without in [ask(None, None), ask(Some("*"), None), Ask::get(origin.url("/"))] {
        let failure = without.failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::FETCH_FAILED), "{failure}");
    }
}

#[tokio::test]
async fn a_condition_holds_over_redirects() {
    let origin = Origin::start(|head| {
        if head.starts_with("GET /new ") {
            Reply::text("HTTP/1.1 304 Not Modified\r\n\r\n")
        } else {
            Reply::answer("302 Found", &["Location: /new"], b"")
        }
    })
    .await;
    let answer = Ask::get(origin.url("/")).validators(Some("\"v1\""), None).run().await;
    assert!(matches!(answer, Ok(Answer::NotModified)));
    assert!(origin.saw("if-none-match: \"v1\""));
}

#[tokio::test]
async fn the_same_strong_etag_ends_the_run_without_the_body() {
    // The body never comes, so that only an answer that does not read it can be right.
    let reply = |etag: &'static str| {
        Origin::start(move |_| {
            Reply::Stall(format!("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nETag: {etag}\r\n\r\n").into_bytes())
        })
    };
    let origin = reply("\"v1\"").await;
    let answer = Ask::get(origin.url("/")).validators(Some("\"v1\""), None).run().await;
    assert!(matches!(answer, Ok(Answer::NotModified)));
}

#[tokio::test]
async fn weak_and_other_etags_do_not_stand_for_the_content() {
    for (sent, came) in [("\"v1\"", "\"v2\""), ("W/\"v1\"", "W/\"v1\""), ("\"v1\"", "W/\"v1\"")] {
        let origin = Origin::start(move |_| Reply::answer("200 OK", &[&format!("ETag: {came}")], b"x")).await;
        assert_eq!(Ask::get(origin.url("/")).validators(Some(sent), None).body().await, b"x", "{sent} {came}");
    }
}

#[tokio::test]
async fn only_get_is_conditional() {
    for (method, conditional) in [(None, true), (Some(""), true), (Some("get"), true), (Some("POST"), false)] {
        let ask = Ask::get("http://a.test/").with(|ask| ask.spec.method = method.map(ToOwned::to_owned));
        assert_eq!(ask.generator().is_conditional(&ask.generator_spec()), conditional, "{method:?}");
    }
}
