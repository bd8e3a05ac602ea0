//! What preRequest hooks made, on its way to real origins, and over their redirects.

use super::support::{Ask, Origin, Reply};
use crate::api::conditions::reasons;
use crate::failure::Class;
use crate::generators::Generator as _;
use crate::spool::{Spool, Spools};

/// A question whose request is made from this output.
fn ask(url: String, method: &str, from: bool, output: &str) -> Ask {
    Ask::get(url).with(|ask| {
        ask.spec.method = Some(method.to_owned());
        ask.spec.from_pre_request = Some(from);
        ask.pre_request = Some(Spools::from_bytes(output.to_owned()));
    })
}

/// Answers whatever comes with all of it.
async fn accepting() -> Origin {
    Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await
}

#[tokio::test]
async fn headers_and_query_are_added_to_the_request() {
    let origin = accepting().await;
    let output =
        r#"{"headers":{"Authorization":"Bearer t\n","X-List":["a","b"]},"query":{"page":"1","tag":["x y","&"]}}"#;
    ask(origin.url("/p?keep=1"), "GET", true, output).body().await;
    for line in ["get /p?keep=1&page=1&tag=x+y&tag=%26 http/1.1", "authorization: bearer t", "x-list: a", "x-list: b"] {
        assert!(origin.saw(line), "{line}: {:?}", origin.requests());
    }
    assert!(!origin.requests()[0].contains("content-"), "a GET has no content");
}

#[tokio::test]
async fn what_a_hook_made_goes_over_secrets_and_userinfo() {
    let origin = accepting().await;
    let url = format!("http://user:pass@{}/", origin.address);
    let output = r#"{"headers":{"authorization":"Bearer new","X-None":[]}}"#;
    let secret = [("Authorization", "Bearer old"), ("X-Other", "kept")];
    ask(url, "GET", true, output).headers("s", &secret).body().await;
    assert!(origin.saw("authorization: bearer new") && origin.saw("x-other: kept"));
    assert_eq!(origin.requests()[0].matches("authorization").count(), 1);
}

#[tokio::test]
async fn a_body_is_text_as_it_is_or_json_with_its_type() {
    let origin = accepting().await;
    for (output, body, content_type) in [
        (r#"{"body":"a: 1\n"}"#, "a: 1\n", None),
        (
            r#"{"body":{"b": 12345678901234567890123, "a":1.0}}"#,
            r#"{"b": 12345678901234567890123, "a":1.0}"#,
            Some("application/json"),
        ),
        (r#"{"body":[1],"headers":{"Content-Type":"application/x"}}"#, "[1]", Some("application/x")),
        (r#"{"body":false}"#, "false", Some("application/json")),
        (r#"{"body":""}"#, "", None),
        ("{}", "", None),
    ] {
        ask(origin.url("/"), "POST", true, output).body().await;
        assert_eq!(origin.bodies().pop().unwrap(), body.as_bytes(), "{output}");
        assert!(origin.saw(&format!("content-length: {}", body.len())), "{:?}", origin.requests());
        let head = origin.requests().pop().unwrap();
        assert!(!head.contains("transfer-encoding"), "{head}");
        let seen = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        assert_eq!(seen, content_type, "{output}");
    }
}

#[tokio::test]
async fn other_output_is_the_content_of_methods_that_take_one() {
    let origin = accepting().await;
    for (method, takes) in [("POST", true), ("PUT", true), ("QUERY", true), ("GET", false), ("DELETE", false)] {
        let ask = ask(origin.url("/"), method, false, "not \u{0} json");
        assert_eq!(ask.generator().takes_pre_request(&ask.generator_spec()), takes, "{method}");
        ask.body().await;
        let expected = if takes { "not \u{0} json" } else { "" };
        assert_eq!(origin.bodies().pop().unwrap(), expected.as_bytes(), "{method}");
    }
    let asked = ask(origin.url("/"), "GET", true, "{}");
    assert!(asked.generator().takes_pre_request(&asked.generator_spec()), "headers are for every method");
}

#[tokio::test]
async fn a_large_body_is_streamed_from_its_file() {
    let origin = accepting().await;
    let large = "0123456789abcdef".repeat(200_000);
    let mut writer = Spools::new(1000, std::env::temp_dir()).writer();
    writer.write(large.as_bytes()).await.unwrap();
    let spool: Spool = writer.finish().await.unwrap();
    assert!(spool.in_memory().is_none());
    let ask = ask(origin.url("/"), "POST", false, "").with(|ask| ask.pre_request = Some(spool));
    ask.body().await;
    assert!(origin.bodies().pop().unwrap() == large.as_bytes(), "the body came as it was");
    assert!(origin.saw(&format!("content-length: {}", large.len())));
}

#[tokio::test]
async fn a_redirect_that_keeps_the_method_gets_the_content_again() {
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let origin = Origin::start(move |head| match head {
            head if head.starts_with("POST /new?moved ") => Reply::answer("200 OK", &[], b"x"),
            _ => Reply::answer(status, &["Location: /new?moved"], b""),
        })
        .await;
        let output = r#"{"body":{"q":1},"headers":{"X-Token":"t"},"query":{"page":"1"}}"#;
        ask(origin.url("/old"), "POST", true, output).body().await;
        assert_eq!(origin.bodies(), [br#"{"q":1}"#, br#"{"q":1}"#], "{status}");
        assert!(origin.saw("x-token: t") && origin.saw("content-type: application/json"));
    }
}

#[tokio::test]
async fn a_redirect_that_changes_the_method_leaves_the_content_and_what_it_says_about_itself_behind() {
    let origin = Origin::start(|head| match head {
        head if head.starts_with("GET /new ") => Reply::answer("200 OK", &[], b"x"),
        _ => Reply::answer("303 See Other", &["Location: /new"], b""),
    })
    .await;
    let output = r#"{"body":{"q":1},"headers":{"X-Token":"t","Content-Language":"en"}}"#;
    ask(origin.url("/old"), "POST", true, output).body().await;
    assert!(origin.saw("x-token: t"));
    let head = origin.requests().pop().unwrap();
    assert!(!head.contains("content-"), "{head}");
    assert_eq!(origin.bodies()[1], b"");
}

#[tokio::test]
async fn another_origin_gets_neither_headers_nor_content() {
    let target = accepting().await;
    let url = target.url("/t");
    let origin = Origin::start(move |_| Reply::answer("307 Moved", &[&format!("Location: {url}")], b"")).await;
    let output = r#"{"headers":{"X-Token":"c4n4ry"},"query":{"token":"c4n4ry"}}"#;
    ask(origin.url("/"), "GET", true, output).body().await;
    let head = target.requests().pop().unwrap();
    assert!(origin.requests()[0].contains("c4n4ry") && !head.contains("c4n4ry"), "{head}");

    let failure = ask(origin.url("/"), "POST", true, r#"{"body":"c4n4ry"}"#).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::FETCH_FAILED));
    assert!(
        failure.message.ends_with("to another origin, which is never sent what preRequest hooks made"),
        "{failure}"
    );
    assert_eq!(target.requests().len(), 1, "it was not asked");
}

#[tokio::test]
async fn a_refusal_after_dropping_a_hooks_headers_says_so() {
    let target = Origin::start(|_| Reply::answer("401 Unauthorized", &[], b"")).await;
    let url = target.url("/");
    let origin = Origin::start(move |_| Reply::answer("302 Found", &[&format!("Location: {url}")], b"")).await;
    let failure = ask(origin.url("/"), "GET", true, r#"{"headers":{"X-Token":"c4n4ry"}}"#).failure().await;
    assert!(
        failure.message.contains("never sent the headers of headersSecretRef and of preRequest hooks"),
        "{failure}"
    );
}

#[tokio::test]
async fn output_that_is_no_part_of_a_request_reaches_nobody() {
    let origin = accepting().await;
    for output in
        ["", "c4n4ry", r#"{"access_token":"c4n4ry"}"#, r#"{"headers":{"Host":"c4n4ry"}}"#, r#"{"body":"c4n4ry"}"#]
    {
        let failure = ask(origin.url("/"), "GET", true, output).failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::HOOK_FAILED));
        assert!(failure.message.starts_with("the output of the preRequest hooks cannot be used: "), "{failure}");
        assert!(!format!("{failure:?}").contains("c4n4ry"), "{failure:?}");
    }
    let large = format!(r#"{{"headers":{{"X":"{}"}}}}"#, "c4n4ry".repeat(200_000));
    let failure = ask(origin.url("/"), "GET", true, &large).failure().await;
    assert!(failure.message.ends_with("is larger than 1048576 bytes"), "{failure}");
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn no_failure_shows_what_a_hook_made() {
    let output = r#"{"headers":{"X-Token":"c4n4ry"},"query":{"token":"c4n4ry"},"body":"c4n4ry"}"#;
    for reply in [
        "HTTP/1.1 401 c4n4ry\r\nWWW-Authenticate: c4n4ry\r\n\r\nc4n4ry",
        "HTTP/1.1 307 Moved\r\nLocation: ftp://c4n4ry.test/?c4n4ry\r\n\r\n",
        "HTTP/1.1 307 Moved\r\nLocation: http://c4n4ry.invalid/?c4n4ry\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nc4n4ry",
        "c4n4ry\r\n\r\n",
    ] {
        let origin = Origin::start(move |_| Reply::text(reply)).await;
        let failure = ask(origin.url("/"), "POST", true, output).failure().await;
        assert!(!format!("{failure} {failure:?}").contains("c4n4ry"), "{failure:?}");
        assert!(origin.requests()[0].contains("c4n4ry") && origin.bodies()[0] == b"c4n4ry", "the canary was sent");
    }
}

#[tokio::test]
async fn status_and_headers_are_kept_for_those_who_ask() {
    let headers = ["X-A: 1", "x-a: 2", "Content-Type: text/plain"];
    let origin = Origin::start(move |_| Reply::answer("200 OK", &headers, b"x")).await;
    assert!(Ask::get(origin.url("/")).content().await.head.is_none());
    let content = Ask::get(origin.url("/")).with(|ask| ask.keep_head = true).content().await;
    let head = content.head.unwrap();
    assert_eq!(
        (head.status, head.headers["x-a"].as_str(), head.headers["content-type"].as_str()),
        (200, "1, 2", "text/plain")
    );
    assert!(!format!("{head:?}").contains("text/plain"), "headers may be secret");
}

#[tokio::test]
async fn an_origin_that_takes_no_content_is_given_up_after_the_usual_time() {
    // Reads the head and then nothing more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let origin = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
        drop(socket);
    });
    let large = "x".repeat(64 << 20);
    let ask = ask(url, "POST", false, &large).with(|ask| ask.settings.timeout = std::time::Duration::from_millis(300));
    let failure = ask.failure().await;
    assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::FETCH_FAILED));
    assert!(failure.message.ends_with("an answer did not come within 300ms"), "{failure}");
    origin.abort();
}
