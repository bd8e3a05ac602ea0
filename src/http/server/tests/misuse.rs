//! Clients that do not speak HTTP, or too much of it.

use super::*;

#[tokio::test]
async fn garbage_is_refused_and_disturbs_nobody() {
    let running = start(hello(), settings(), LONG).await;
    for garbage in [
        &b"\x00\x01\x02\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = running.connect().await;
        client.write_all(garbage).await.unwrap();
        let answer = read_to_end(&mut client).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    }
    read_to(&mut running.request("/").await, "hello").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_up_to_the_garbage() {
    let running = start(hello(), settings(), LONG).await;
    let mut client = running.connect().await;
    client
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET /no HTTP/1.1\r\nhost: x\r\n\r\n\x01\x02\r\n\r\n")
        .await
        .unwrap();
    let answers = String::from_utf8(read_to_end(&mut client).await).unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "404", "400"], "{answers}");
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let running = start(hello(), settings(), LONG).await;
    let (mut from, mut to) = running.connect().await.into_split();
    let flood = tokio::spawn(async move {
        let _ = to.write_all(b"GET / HTTP/1.1\r\n").await;
        while to.write_all(format!("x: {}\r\n", "x".repeat(1000)).as_bytes()).await.is_ok() {}
    });
    let mut answer = Vec::new();
    let _ = soon(from.read_to_end(&mut answer)).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    flood.await.unwrap();
}

#[tokio::test]
async fn a_request_body_that_never_ends_holds_nothing() {
    let limits = ServerSettings { idle_timeout: Duration::from_millis(100), ..settings() };
    let running = start(hello(), limits, LONG).await;
    let mut client = running.connect().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc").await.unwrap();
    let answer = String::from_utf8(read_to_end(&mut client).await).unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_connection_only() {
    let router = hello().route("/panic", get(async || -> &'static str { panic!("a bug") }));
    let running = start(router, ServerSettings { max_connections: 1, ..settings() }, LONG).await;
    assert_eq!(read_to_end(&mut running.request("/panic").await).await, b"");
    read_to(&mut running.request("/").await, "hello").await;
}
