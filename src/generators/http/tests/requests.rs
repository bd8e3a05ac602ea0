//! What goes over the wire, and what comes back when all is well.

use super::support::{Ask, Origin, Reply, bytes};
use crate::api::external_source::Unpack;
use crate::generators::{Answer, Generator as _};

#[tokio::test]
async fn a_get_says_who_asks_and_what_is_understood() {
    let origin = Origin::start(|_| {
        let headers = ["ETag: \"v1\"", "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT", "Content-Type: text/yaml"];
        Reply::answer("200 OK", &headers, b"a: 1\n")
    })
    .await;
    let ask = Ask::get(origin.url("/x?y=1#z"));
    let content = ask.content().await;
    assert_eq!(bytes(&content), b"a: 1\n");
    assert_eq!(content.validators.etag.as_deref(), Some("\"v1\""));
    assert_eq!(content.validators.last_modified.as_deref(), Some("Wed, 21 Oct 2026 07:28:00 GMT"));
    assert_eq!(content.content_type.as_deref(), Some("text/yaml"));
    assert_eq!(ask.progress.get(), (5, Some(5)));
    for line in [
        "get /x?y=1 http/1.1",
        "user-agent: agent/1",
        "accept-encoding: gzip, deflate, br",
        &format!("host: {}", origin.address),
    ] {
        assert!(origin.saw(line), "{line}: {:?}", origin.requests());
    }
    let head = origin.requests().pop().unwrap();
    for absent in ["cookie", "authorization", "if-none-match", "referer", "content-length", "transfer-encoding"] {
        assert!(!head.contains(absent), "{absent}: {head}");
    }
}

#[tokio::test]
async fn an_archive_is_asked_for_without_encoding() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let ask = Ask::get(origin.url("/")).with(|ask| ask.spec.unpack = Some(Unpack::default()));
    ask.body().await;
    assert!(origin.saw("accept-encoding: identity"));
}

#[tokio::test]
async fn headers_come_from_the_secret_without_the_line_break_at_the_end() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let headers = [("Authorization", "Bearer t\n"), ("X-Api-Key", "k\r\n"), ("Accept", "text/x"), ("Empty", "")];
    Ask::get(origin.url("/")).headers("s", &headers).body().await;
    for line in ["authorization: bearer t", "x-api-key: k", "accept: text/x", "empty: "] {
        assert!(origin.saw(line) || origin.saw(line.trim_end()), "{line}: {:?}", origin.requests());
    }
    assert!(!origin.saw("accept: */*"));
}

#[tokio::test]
async fn userinfo_becomes_basic_authentication_unless_the_secret_has_its_own() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let url = format!("http://us%40er:p%3Ass@{}/", origin.address);
    Ask::get(&*url).body().await;
    // base64("us@er:p:ss"), in lower case as the log keeps it.
    assert!(origin.saw("authorization: basic dxnazxi6cdpzcw=="), "{:?}", origin.requests());
    Ask::get(&*url).headers("s", &[("authorization", "Bearer t")]).body().await;
    assert!(origin.saw("authorization: bearer t"));
    assert_eq!(origin.requests()[1].matches("authorization").count(), 1);
}

#[tokio::test]
async fn other_methods_are_sent_without_a_body_and_unconditionally() {
    let origin = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    for (method, line) in [("post", "post / http/1.1"), ("PUT", "put / http/1.1"), ("QUERY", "query / http/1.1")] {
        let ask = Ask::get(origin.url("/")).validators(Some("\"v1\""), None);
        let ask = ask.with(|ask| ask.spec.method = Some(method.to_owned()));
        assert!(!ask.generator().is_conditional(&ask.generator_spec()));
        ask.body().await;
        assert!(origin.saw(line) && origin.saw("content-length: 0"), "{:?}", origin.requests());
        let head = origin.requests().pop().unwrap();
        assert_eq!(head.matches("content-length").count(), 1);
        assert!(!head.contains("if-none-match"));
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        for _ in 0..2 {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx").await.unwrap();
        }
    });
    let ask = Ask::get(url);
    let generator = ask.generator();
    for _ in 0..2 {
        assert!(matches!(ask.run_on(&generator).await, Ok(Answer::Content(_))));
    }
    // It accepted a single connection, so that both answers came over it.
    server.await.unwrap();
}

#[tokio::test]
async fn a_host_is_asked_no_more_than_its_turns_allow() {
    let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
    let origin = Origin::start(move |_| {
        started.send(()).unwrap();
        Reply::Stall(Vec::new())
    })
    .await;
    let ask = Ask::get(origin.url("/")).with(|ask| ask.settings.max_connections_per_host = 1);
    let generator = ask.generator();
    let mut first = Box::pin(ask.run_on(&generator));
    let mut second = Box::pin(ask.run_on(&generator));
    tokio::select! {
        // In this order, so that it is the first one that takes the turn.
        biased;
        _ = &mut first => panic!("answered"),
        _ = &mut second => panic!("answered"),
        start = starts.recv() => start.unwrap(),
    }
    assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
    assert_eq!(origin.requests().len(), 1);
    drop(first);
    tokio::select! {
        _ = &mut second => panic!("answered"),
        start = starts.recv() => start.unwrap(),
    }
    assert_eq!(origin.requests().len(), 2);
}
