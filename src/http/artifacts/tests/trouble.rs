//! Absent archives, a storage that fails, and streams that are not what they promised.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::http::header::{IF_NONE_MATCH, RANGE};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::http::{ServerSettings, serve};
use crate::spool::Spool;
use crate::storage::{Page, Scope, StoredArtifact};
use crate::telemetry::metrics::tests::Recorded;

#[tokio::test]
async fn what_may_exist_is_unavailable_and_what_cannot_is_not_found() {
    let fixture = Fixture::new().await;
    let other = ArtifactKey::new(ObjectName::new("team-a", "config.v1"), Digest::of(b"other"));
    let other = format!("/{other}");
    assert_eq!(fixture.ask("GET", &other, &[]).await.status, 404);
    fixture.presence.set_complete(false);
    for (method, headers) in [("GET", &[][..]), ("HEAD", &[]), ("GET", &[(RANGE, "bytes=0-1")])] {
        let answer = fixture.ask(method, &other, headers).await;
        assert_eq!((answer.status, answer.header(RETRY_AFTER)), (503, Some("5")));
        assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
    }
    assert_eq!(fixture.get(&[]).await.status, 200, "what is there is served even so");
    fixture.presence.set_complete(true);
    fixture.storage.delete(&fixture.key).await.unwrap();
    assert_eq!(fixture.get(&[]).await.status, 503, "it is advertised, so it is being rebuilt");
    assert_eq!(fixture.get(&[(IF_NONE_MATCH, "*")]).await.status, 503, "no condition is met by what is not there");
}

type Chunks = fn() -> Vec<Result<Bytes, StorageError>>;

/// Announces ten bytes and streams what it is told to.
struct Broken {
    chunks: Chunks,
    reachable: bool,
}

#[async_trait]
impl Storage for Broken {
    async fn store(&self, key: &ArtifactKey, _: &Spool) -> Result<StoredArtifact, StorageError> {
        Ok(StoredArtifact { key: key.clone(), size: 10, stored_at: SystemTime::now() })
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        _: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        let stored = self.stat(key).await?;
        Ok(stored.map(|stored| (stored, stream::iter((self.chunks)()).boxed().into())))
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        if !self.reachable {
            return Err(StorageError::Unavailable("no route to the bucket".into()));
        }
        Ok(Some(StoredArtifact {
            key: key.clone(),
            size: 10,
            stored_at: SystemTime::UNIX_EPOCH - Duration::from_secs(1),
        }))
    }

    async fn list(&self, _: Scope<'_>, _: Option<&str>) -> Result<Page, StorageError> {
        Ok(Page::default())
    }

    async fn delete(&self, _: &ArtifactKey) -> Result<(), StorageError> {
        Ok(())
    }

    fn url(&self, key: &ArtifactKey) -> String {
        key.to_string()
    }

    fn backend(&self) -> &'static str {
        "broken"
    }
}

fn lost() -> Result<Bytes, StorageError> {
    Err(StorageError::Unavailable("the connection was lost".into()))
}

const WRONG_STREAMS: [(&str, Chunks); 4] = [
    ("fails at once", || vec![lost()]),
    ("fails midway", || vec![Ok(Bytes::from_static(b"01234")), lost()]),
    ("ends early", || vec![Ok(Bytes::from_static(b"01234"))]),
    ("goes on too long", || vec![Ok(Bytes::from_static(b"0123456789a"))]),
];

async fn broken(chunks: Chunks, reachable: bool) -> Fixture {
    Fixture { storage: Arc::new(Broken { chunks, reachable }), ..Fixture::new().await }
}

#[tokio::test]
async fn an_unreachable_storage_is_unavailable_not_absent() {
    let fixture = broken(Vec::new, false).await;
    for (method, headers) in [("GET", &[][..]), ("HEAD", &[]), ("GET", &[(RANGE, "bytes=0-1")])] {
        let answer = fixture.ask(method, &fixture.path(), headers).await;
        assert_eq!((answer.status, answer.header(RETRY_AFTER)), (503, Some("5")), "{method} {headers:?}");
        assert!(!String::from_utf8_lossy(answer.body()).contains("bucket"), "the cause is for our logs");
    }
}

#[tokio::test]
async fn a_time_that_http_cannot_say_is_left_out() {
    let fixture = broken(|| vec![Ok(Bytes::from_static(CONTENT))], true).await;
    let answer = fixture.get(&[]).await;
    assert_eq!((answer.status, answer.header(LAST_MODIFIED)), (200, None));
}

#[tokio::test]
async fn a_wrong_stream_never_ends_well() {
    for (what, chunks) in WRONG_STREAMS {
        assert!(broken(chunks, true).await.get(&[]).await.body.is_err(), "{what}");
    }
}

#[tokio::test]
async fn a_wrong_stream_breaks_the_connection() {
    for (what, chunks) in WRONG_STREAMS {
        let fixture = broken(chunks, true).await;
        let answer = over_a_socket(&fixture, "GET", "").await;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(body.len() < 10, "{what}: {answer:?}");
    }
}

/// What a client receives until the connection is closed.
async fn over_a_socket(fixture: &Fixture, method: &str, headers: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let artifacts = fixture.artifacts();
    let minute = Duration::from_secs(60);
    let settings = ServerSettings { max_connections: 1, header_timeout: minute, idle_timeout: minute, buffer: 65536 };
    let server = tokio::spawn(serve(listener, artifacts, settings, CancellationToken::new(), minute));
    let request = format!("{method} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n", fixture.path());
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    server.abort();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn lengths_on_the_wire_are_those_of_the_archive() {
    let fixture = Fixture::new().await;
    let if_none_match = format!("if-none-match: {}\r\n", fixture.etag());
    for (method, headers, status, length, body) in [
        ("GET", "", "200", 10, "0123456789"),
        ("HEAD", "", "200", 10, ""),
        ("GET", "range: bytes=3-5\r\n", "206", 3, "345"),
        ("GET", &if_none_match, "304", 10, ""),
        ("HEAD", &if_none_match, "304", 10, ""),
        ("GET", "range: bytes=10-\r\n", "416", 0, ""),
    ] {
        let answer = over_a_socket(&fixture, method, headers).await;
        let (head, content) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(content, body, "{method} {headers}");
        let lengths: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("content-length: ")).collect();
        // A 304 may leave it out, but must not say anything else (RFC 9110 section 8.6).
        assert!(lengths == [length.to_string()] || status == "304" && lengths.is_empty(), "{answer}");
    }
}

#[tokio::test]
async fn requests_bytes_and_what_is_in_flight_are_counted() {
    let recorded = Recorded::default();
    let _guard = recorded.record_here();
    let fixture = Fixture::new().await;
    fixture.get(&[]).await;
    fixture.get(&[(RANGE, "bytes=0-2")]).await;
    fixture.ask("HEAD", &fixture.path(), &[]).await;
    fixture.ask("POST", &fixture.path(), &[]).await;
    fixture.ask("GET", "/nonsense", &[]).await;
    for (series, value) in [
        ("externalsource_artifact_server_requests_total{code=\"200\"}", 2.0),
        ("externalsource_artifact_server_requests_total{code=\"206\"}", 1.0),
        ("externalsource_artifact_server_requests_total{code=\"404\"}", 1.0),
        ("externalsource_artifact_server_requests_total{code=\"405\"}", 1.0),
        ("externalsource_artifact_server_requests_in_flight", 0.0),
        ("externalsource_artifact_server_sent_bytes_total", 13.0),
    ] {
        assert_eq!(recorded.value(series), Some(value), "{series}");
    }
    let uri = fixture.path().parse().unwrap();
    let response = fixture.artifacts().answer(Method::GET, uri, HeaderMap::new(), None).await;
    assert_eq!(recorded.value("externalsource_artifact_server_requests_in_flight"), Some(1.0));
    drop(response);
    assert_eq!(recorded.value("externalsource_artifact_server_requests_in_flight"), Some(0.0));
}
