//! Deadlines: for headers, between requests, and for clients that stop reading.

use tokio::time::Instant;

use super::*;

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_client_that_does_not_finish_its_headers_is_cut_off() {
    let running = start(hello(), ServerSettings { header_timeout: SHORT, ..settings() }, LONG).await;
    for opening in ["", "GET / HTTP/1.1\r\nhost:"] {
        let begin = Instant::now();
        let mut client = running.connect().await;
        client.write_all(opening.as_bytes()).await.unwrap();
        assert_eq!(read_to_end(&mut client).await, b"");
        assert!(begin.elapsed() >= SHORT, "{:?}", begin.elapsed());
    }
}

#[tokio::test]
async fn headers_that_trickle_in_are_cut_off_all_the_same() {
    let running = start(hello(), ServerSettings { header_timeout: SHORT, ..settings() }, LONG).await;
    let (mut from, mut to) = running.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        let mut pace = tokio::time::interval(SHORT / 10);
        to.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        while to.write_all(b"x").await.is_ok() {
            pace.tick().await;
        }
    });
    let mut read = Vec::new();
    let _ = soon(from.read_to_end(&mut read)).await;
    assert_eq!(read, b"");
    trickle.await.unwrap();
}

#[tokio::test]
async fn a_connection_may_idle_between_requests_for_longer_than_headers_may_take() {
    let idle_timeout = SHORT * 3;
    let running = start(hello(), ServerSettings { header_timeout: SHORT, idle_timeout, ..settings() }, LONG).await;
    let mut client = running.request("/").await;
    read_to(&mut client, "hello").await;
    let begin = Instant::now();
    assert_eq!(read_to_end(&mut client).await, b"");
    assert!(begin.elapsed() >= SHORT * 2, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn headers_of_a_second_request_have_their_own_deadline() {
    let running = start(hello(), ServerSettings { header_timeout: SHORT, ..settings() }, LONG).await;
    let mut client = running.request("/").await;
    read_to(&mut client, "hello").await;
    client.write_all(b"GET / HT").await.unwrap();
    assert_eq!(read_to_end(&mut client).await, b"");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let (router, mut dropped) = large(1000);
    let running = start(router, ServerSettings { idle_timeout: SHORT, ..settings() }, LONG).await;
    let begin = Instant::now();
    let mut client = running.request("/").await;
    soon(dropped.recv()).await.unwrap();
    assert!(begin.elapsed() >= SHORT, "{:?}", begin.elapsed());
    let read = read_to_end(&mut client).await;
    assert!(read.len() < 1000 * 64 * 1024, "{}", read.len());
}

#[tokio::test]
async fn a_slow_client_is_served_as_long_as_it_reads() {
    let (many_pieces, _dropped) = large(1000);
    // Handed over as a whole: for the server, the answer is over at once.
    let one_piece = Router::new().route("/", get(async || vec![0; 8 << 20]));
    for router in [many_pieces, one_piece] {
        let idle_timeout = Duration::from_secs(1);
        let running = start(router, ServerSettings { idle_timeout, ..settings() }, LONG).await;
        let begin = Instant::now();
        let mut client = running.request("/").await;
        // So slow that the kernel's buffers, were they full, would make no room within the idle timeout.
        let mut pace = tokio::time::interval(Duration::from_millis(50));
        let mut buffer = vec![0; 16 * 1024];
        while begin.elapsed() < idle_timeout * 4 {
            pace.tick().await;
            let n = soon(client.read(&mut buffer)).await.unwrap();
            assert_ne!(n, 0, "cut off after {:?}", begin.elapsed());
        }
    }
}

#[tokio::test]
async fn a_slow_answer_of_our_own_cuts_nobody_off() {
    let slow = async || {
        tokio::time::sleep(SHORT * 4).await;
        "hello"
    };
    let limits = ServerSettings { header_timeout: SHORT, idle_timeout: SHORT, ..settings() };
    let running = start(Router::new().route("/", get(slow)), limits, LONG).await;
    let mut client = running.request("/").await;
    read_to(&mut client, "hello").await;
}
