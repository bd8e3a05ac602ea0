//! The server against real sockets: who is cut off and who is not.

mod misuse;
mod shutdown;
mod silence;

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use futures::stream::{self, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;

/// Longer than any test: what waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// How long a test waits for what should happen soon.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings() -> ServerSettings {
    ServerSettings { max_connections: 100, header_timeout: LONG, idle_timeout: LONG, buffer: crate::http::SMALL_BUFFER }
}

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

async fn start(router: Router, settings: ServerSettings, grace: Duration) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, router, settings, shutdown.clone(), grace));
    Running { address, shutdown, server }
}

impl Running {
    /// A connection of a client that keeps little unread, so that the server notices how fast it reads.
    async fn connect(&self) -> TcpStream {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(16 * 1024)?;
        socket.connect(self.address).await
    }

    async fn request(&self, path: &str) -> TcpStream {
        let mut client = self.connect().await;
        send(&mut client, path).await;
        client
    }
}

/// The outcome of `future`, which must not take long.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("nothing happened")
}

async fn send(client: &mut TcpStream, path: &str) {
    client.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
}

/// Reads up to the end of `marker`, byte by byte so as not to take more.
async fn read_to(client: &mut TcpStream, marker: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(marker.as_bytes()) {
        read.push(soon(client.read_u8()).await.unwrap_or_else(|error| {
            panic!("{error} instead of {marker:?} after {:?}", String::from_utf8_lossy(&read))
        }));
    }
    String::from_utf8(read).unwrap()
}

/// What comes until the server closes or resets the connection.
async fn read_to_end(client: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    // A reset is an end as well.
    let _ = soon(client.read_to_end(&mut read)).await;
    read
}

/// Answers "hello" on `/`.
fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// Tells when it is dropped.
struct Dropped(mpsc::UnboundedSender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

/// `/` streams `chunks` of 64 KiB; the receiver hears when an answer is dropped.
fn large(chunks: usize) -> (Router, mpsc::UnboundedReceiver<()>) {
    let (sender, dropped) = mpsc::unbounded_channel();
    let answer = move || {
        let dropped = Dropped(sender.clone());
        async move {
            axum::body::Body::from_stream(stream::iter(0..chunks).map(move |_| {
                let _ = &dropped;
                Ok::<_, io::Error>(vec![b'x'; 64 * 1024])
            }))
        }
    };
    (Router::new().route("/", get(answer)), dropped)
}

#[test]
fn only_lost_connections_are_no_reason_to_wait() {
    for (errno, passing) in [(103, true), (104, true), (111, true), (113, true), (24, false), (23, false), (12, false)]
    {
        assert_eq!(concerns_one_connection(&io::Error::from_raw_os_error(errno)), passing, "{errno}");
    }
}
