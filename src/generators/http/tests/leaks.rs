//! A canary in every secret place must not come out in any failure.

use super::support::{Ask, Origin, Reply};
use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};

const CANARY: &str = "c4n4ry";

fn assert_silent(failure: &Failure) {
    let shown = format!("{failure} {failure:?}").to_lowercase();
    // As it is, and as base64 of "user:c4n4ry" and "c4n4ry" would begin.
    for secret in [CANARY, "yzrunhj5", "dxnlcjpjng40cnk"] {
        assert!(!shown.contains(secret), "{failure:?}");
    }
}

/// A question with a canary in header, userinfo, query and fragment.
fn ask(address: &str) -> Ask {
    let url = format!("http://user:{CANARY}@{address}/p?token={CANARY}#{CANARY}");
    Ask::get(url).headers("s", &[("X-Api-Key", CANARY)])
}

#[tokio::test]
async fn no_failure_of_the_origin_shows_a_secret() {
    for reply in [
        format!("HTTP/1.1 401 {CANARY}\r\nWWW-Authenticate: {CANARY}\r\n\r\n{CANARY}"),
        format!("HTTP/1.1 503 Busy\r\nRetry-After: {CANARY}\r\n\r\n{CANARY}"),
        format!("HTTP/1.1 302 Found\r\nLocation: ftp://{CANARY}.test/{CANARY}?{CANARY}\r\n\r\n"),
        format!("HTTP/1.1 302 Found\r\nLocation: http://{CANARY}.invalid/{CANARY}?{CANARY}\r\n\r\n"),
        format!("HTTP/1.1 302 Found\r\nLocation: http://u:{CANARY}@127.0.0.1:1/{CANARY}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: {CANARY}\r\n\r\n{CANARY}"),
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{CANARY}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{CANARY}"),
        format!("{CANARY}\r\n\r\n"),
        "HTTP/1.1 302 Found\r\nLocation: ?again\r\n\r\n".to_owned(),
    ] {
        let origin = Origin::start(move |_| Reply::text(reply.clone())).await;
        assert_silent(&ask(&origin.address.to_string()).failure().await);
        assert!(origin.saw(&format!("x-api-key: {CANARY}")), "the canary was sent");
    }
}

#[tokio::test]
async fn no_failure_to_connect_shows_a_secret() {
    for address in ["127.0.0.1:1", "host.invalid", "169.254.169.254"] {
        assert_silent(&ask(address).failure().await);
    }
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_named_without_its_value() {
    for (key, value, problem) in [
        ("X-Api-Key", "c4n4ry\nX: y", "has a value that cannot be a header value"),
        ("X-Api-Key", "c4n4ry\0", "has a value that cannot be a header value"),
        ("X-Api-Key", "c4n4ry\n\n", "has a value that cannot be a header value"),
        ("in valid", "c4n4ry", "is not a valid header name"),
        ("Host", "c4n4ry", "names a header that the controller sets itself"),
        ("content-length", "c4n4ry", "names a header that the controller sets itself"),
        ("Transfer-Encoding", "c4n4ry", "names a header that the controller sets itself"),
        ("If-None-Match", "c4n4ry", "names a header that the controller sets itself"),
        ("Accept-Encoding", "c4n4ry", "names a header that the controller sets itself"),
        ("Proxy-Connection", "c4n4ry", "names a header that the controller sets itself"),
    ] {
        let failure = Ask::get("http://127.0.0.1:1/").headers("s", &[(key, value)]).failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Waiting, reasons::SECRET_UNAVAILABLE));
        assert_eq!(failure.message, format!("key \"{key}\" of Secret \"s\" {problem}"));
        assert_silent(&failure);
    }
}

#[tokio::test]
async fn a_secret_with_more_keys_than_a_request_can_have_is_refused() {
    let keys: Vec<_> = (0..40_000).map(|i| format!("h{i}")).collect();
    let headers: Vec<_> = keys.iter().map(|key| (key.as_str(), "")).collect();
    let failure = Ask::get("http://127.0.0.1:1/").headers("s", &headers).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Waiting, reasons::SECRET_UNAVAILABLE));
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_waited_for() {
    let ask = Ask::get("http://127.0.0.1:1/").headers("s", &[]).with(|ask| ask.secrets.clear());
    let failure = ask.failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Waiting, reasons::SECRET_UNAVAILABLE));
    assert_eq!(failure.message, "Secret \"s\" is missing");
}
