//! Bodies: encoded, cut off, slow, too large.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::support::{Ask, Origin, Reply};
use crate::api::conditions::reasons;
use crate::api::external_source::Unpack;
use crate::failure::Class;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

async fn brotli(data: &[u8]) -> Vec<u8> {
    use tokio::io::AsyncReadExt as _;
    let mut out = Vec::new();
    async_compression::tokio::bufread::BrotliEncoder::new(data).read_to_end(&mut out).await.unwrap();
    out
}

fn text() -> Vec<u8> {
    (0..20_000).flat_map(|i| format!("line {i}\n").into_bytes()).collect()
}

/// Serves `body` with this `Content-Encoding`.
async fn encoded(encoding: &str, body: Vec<u8>) -> (Origin, Ask) {
    let header = format!("Content-Encoding: {encoding}");
    let origin = Origin::start(move |_| Reply::answer("200 OK", &[&header], &body)).await;
    let ask = Ask::get(origin.url("/"));
    (origin, ask)
}

#[tokio::test]
async fn every_accepted_encoding_is_undone() {
    let text = text();
    let half = text.len() / 2;
    let members = [gzip(&text[..half]), gzip(b""), gzip(&text[half..])].concat();
    for (encoding, body) in [
        ("gzip", gzip(&text)),
        ("x-gzip", gzip(&text)),
        ("gzip", members),
        ("deflate", zlib(&text)),
        ("deflate", deflate(&text)),
        ("br", brotli(&text).await),
        ("gzip, br", brotli(&gzip(&text)).await),
        ("deflate, identity, gzip", gzip(&zlib(&text))),
        ("identity", text.clone()),
    ] {
        let wire = body.len() as u64;
        let (_origin, ask) = encoded(encoding, body).await;
        assert_eq!(ask.body().await, text, "{encoding}");
        assert_eq!(ask.progress.get(), (wire, Some(wire)), "{encoding}");
    }
}

#[tokio::test]
async fn an_empty_body_is_empty_however_it_is_said_to_be_encoded() {
    for encoding in ["identity", "gzip", "deflate", "br", "gzip, br"] {
        let (_origin, ask) = encoded(encoding, Vec::new()).await;
        assert!(ask.body().await.is_empty(), "{encoding}");
        let (_origin, ask) = encoded(encoding, Vec::new()).await;
        assert!(ask.content().await.body.is_empty(), "{encoding}");
    }
    for (encoding, body) in [("gzip", gzip(b"")), ("deflate", zlib(b"")), ("br", brotli(b"").await)] {
        let (_origin, ask) = encoded(encoding, body).await;
        assert!(ask.body().await.is_empty(), "{encoding}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_its_encoding_says_is_refused() {
    let text = text();
    let cut = |mut body: Vec<u8>| {
        body.truncate(body.len() - 9);
        body
    };
    let mut wrong_sum = gzip(&text);
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    for (encoding, body) in [
        ("gzip", text.clone()),
        ("gzip", cut(gzip(&text))),
        ("gzip", wrong_sum),
        ("gzip", [gzip(&text), b"trailing".to_vec()].concat()),
        ("deflate", cut(zlib(&text))),
        ("deflate", cut(deflate(&text))),
        ("br", cut(brotli(&text).await)),
        ("br", text.clone()),
        ("gzip, br", brotli(&cut(gzip(&text))).await),
        ("zstd", text.clone()),
        ("gzip, gzip, gzip, gzip", text.clone()),
    ] {
        let (_origin, ask) = encoded(encoding, body).await;
        let failure = ask.failure().await;
        assert_eq!(
            (failure.class, failure.reason),
            (Class::Refused, reasons::INVALID_CONTENT),
            "{encoding}: {failure}"
        );
    }
}

#[tokio::test]
async fn an_archive_served_as_an_encoding_is_kept_as_it_is() {
    let archive = gzip(b"a tar, say");
    for (format, expected) in [("tar.gz", archive.clone()), ("zip", b"a tar, say".to_vec())] {
        let (_origin, ask) = encoded("gzip", archive.clone()).await;
        let unpack = Unpack { format: format.to_owned(), ..Unpack::default() };
        assert_eq!(ask.with(|ask| ask.spec.unpack = Some(unpack)).body().await, expected, "{format}");
    }
}

#[tokio::test]
async fn a_bomb_is_stopped_at_the_cap() {
    let bomb = gzip(&vec![0; 64 << 20]);
    let twice = gzip(&bomb);
    for (encoding, body) in [("gzip", bomb), ("gzip, gzip", twice)] {
        assert!(body.len() < 1 << 17);
        let (_origin, ask) = encoded(encoding, body).await;
        let failure = ask.failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::INVALID_CONTENT));
        assert!(failure.message.ends_with("larger than 1048576 bytes after decoding"), "{failure}");
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_announced_or_not() {
    let body = vec![b'x'; 1001];
    let announced = Reply::answer("200 OK", &[], &body);
    let Reply::Bytes(announced) = announced else { unreachable!() };
    let unannounced = [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".as_slice(), &body].concat();
    for reply in [announced, unannounced] {
        let origin = Origin::start(move |_| Reply::Bytes(reply.clone())).await;
        let ask = |cap| Ask::get(origin.url("/")).with(|ask| ask.settings.max_body = cap);
        let failure = ask(1000).failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::INVALID_CONTENT));
        assert!(failure.message.ends_with("the body is larger than 1000 bytes"), "{failure}");
        assert_eq!(ask(1001).body().await.len(), 1001);
    }
}

#[tokio::test]
async fn a_body_announced_as_too_large_is_not_waited_for() {
    let origin = Origin::start(|_| Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_vec())).await;
    let failure = Ask::get(origin.url("/")).with(|ask| ask.settings.max_body = 1000).failure().await;
    assert!(failure.message.ends_with("the body is larger than 1000 bytes"), "{failure}");
}

#[tokio::test]
async fn the_cap_counts_bytes_on_the_wire_too() {
    // A thousand empty members are 20 kB on the wire and nothing once decoded.
    let members = gzip(b"").repeat(1000);
    let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".as_slice();
    let reply = [head, &members].concat();
    let origin = Origin::start(move |_| Reply::Bytes(reply.clone())).await;
    let failure = Ask::get(origin.url("/")).with(|ask| ask.settings.max_body = 1000).failure().await;
    assert!(failure.message.ends_with("the body is larger than 1000 bytes"), "{failure}");
    assert!(Ask::get(origin.url("/")).body().await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_never_used() {
    let gzipped = gzip(&text());
    let half = String::from_utf8_lossy(&gzipped[..0]).into_owned();
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123".to_owned(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n123".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n{half}"),
    ] {
        let origin = Origin::start(move |_| Reply::text(reply.clone())).await;
        let failure = Ask::get(origin.url("/")).failure().await;
        assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::INVALID_CONTENT), "{failure}");
        assert_eq!(origin.requests().len(), 1, "the caller retries, not the generator");
    }
}

#[tokio::test]
async fn a_body_longer_than_memory_goes_through_a_file_unchanged() {
    let body: Vec<u8> = (0..900_000_u32).map(|i| (i % 251) as u8).collect();
    let served = body.clone();
    let origin = Origin::start(move |_| Reply::answer("200 OK", &[], &served)).await;
    let content = Ask::get(origin.url("/")).content().await;
    assert!(content.body.in_memory().is_none());
    assert_eq!(content.body.digest(), crate::digest::Digest::of(&body));
}

#[tokio::test]
async fn waiting_for_more_data_has_a_limit() {
    let origin = Origin::start(|_| Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123".to_vec())).await;
    let ask = Ask::get(origin.url("/")).with(|ask| ask.settings.timeout = Duration::from_secs(1));
    let failure = ask.failure().await;
    assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::FETCH_FAILED));
    assert!(failure.message.ends_with("more data did not come within 1s"), "{failure}");
}

#[tokio::test]
async fn a_slow_body_is_complete_as_long_as_it_makes_progress() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n").await.unwrap();
        let mut tick = tokio::time::interval(Duration::from_millis(150));
        for _ in 0..8 {
            tick.tick().await;
            socket.write_all(b"x").await.unwrap();
        }
    });
    let slow = Ask::get(url).with(|ask| ask.settings.timeout = Duration::from_millis(750));
    let started = std::time::Instant::now();
    assert_eq!(slow.body().await, b"xxxxxxxx");
    assert!(started.elapsed() > slow.settings.timeout, "the body took no longer than a single wait may");
}

#[tokio::test]
async fn the_users_timeout_limits_the_whole_request() {
    let origin = Origin::start(|_| Reply::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123".to_vec())).await;
    let ask = Ask::get(origin.url("/")).with(|ask| ask.spec.timeout = Some("200ms".to_owned()));
    let failure = ask.failure().await;
    assert_eq!((failure.class, failure.reason), (Class::TRANSIENT, reasons::FETCH_FAILED));
    assert!(failure.message.contains("spec.generator.http.timeout (200ms)"), "{failure}");
}
