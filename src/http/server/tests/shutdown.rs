//! The end: open answers finish, everything else is over at once.

use tokio::sync::Semaphore;

use super::*;

/// `/` announces ten bytes and sends five; the others follow once the semaphore gives a permit.
fn halting() -> (Router, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let for_answers = Arc::clone(&gate);
    let answer = move || {
        let gate = Arc::clone(&for_answers);
        async move {
            let rest = async move {
                gate.acquire().await.unwrap().forget();
                Ok("world")
            };
            let body = stream::iter([Ok::<_, io::Error>("hello")]).chain(stream::once(rest));
            ([("content-length", "10")], axum::body::Body::from_stream(body))
        }
    };
    (Router::new().route("/", get(answer)).merge(Router::new().route("/other", get(async || "quick"))), gate)
}

#[tokio::test]
async fn open_downloads_finish_and_nothing_new_begins() {
    let (router, gate) = halting();
    let running = start(router, settings(), LONG).await;
    let mut fresh = running.connect().await;
    let mut idle = running.request("/other").await;
    read_to(&mut idle, "quick").await;
    let mut open = running.request("/").await;
    read_to(&mut open, "hello").await;

    running.shutdown.cancel();
    assert_eq!(read_to_end(&mut idle).await, b"");
    assert_eq!(read_to_end(&mut fresh).await, b"");
    assert_eq!(running.try_connect().await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert!(!running.server.is_finished());

    gate.add_permits(1);
    assert_eq!(read_to_end(&mut open).await, b"world");
    soon(running.server).await.unwrap();
}

#[tokio::test]
async fn downloads_are_cut_off_at_the_end_of_the_grace_period() {
    let (router, _gate) = halting();
    let running = start(router, settings(), Duration::from_millis(50)).await;
    let mut open = running.request("/").await;
    read_to(&mut open, "hello").await;
    running.shutdown.cancel();
    soon(running.server).await.unwrap();
    assert_eq!(read_to_end(&mut open).await, b"");
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_no_connection_behind() {
    let (router, _gate) = halting();
    let running = start(router, settings(), LONG).await;
    let mut open = running.request("/").await;
    read_to(&mut open, "hello").await;
    running.server.abort();
    assert_eq!(read_to_end(&mut open).await, b"");
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_room() {
    let (router, gate) = halting();
    let running = start(router, ServerSettings { max_connections: 1, ..settings() }, LONG).await;
    let mut open = running.request("/").await;
    read_to(&mut open, "hello").await;
    running.shutdown.cancel();
    gate.add_permits(1);
    assert_eq!(read_to_end(&mut open).await, b"world");
    soon(running.server).await.unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let (router, gate) = halting();
    let running = start(router, ServerSettings { max_connections: 1, ..settings() }, LONG).await;
    let mut first = running.request("/").await;
    read_to(&mut first, "hello").await;
    let mut second = running.request("/other").await;
    let early = tokio::time::timeout(Duration::from_millis(100), second.read_u8()).await;
    assert!(early.is_err(), "served beyond the limit");
    gate.add_permits(1);
    read_to(&mut first, "world").await;
    drop(first);
    read_to(&mut second, "quick").await;
}
