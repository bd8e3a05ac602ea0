//! Files over real sockets, where they go around the body: every byte arrives, in its place, and nothing else.

use std::time::Duration;

use axum::http::header::RANGE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::files::on_a_volume;
use super::*;
use crate::http::{ServerSettings, serve};

/// Larger than what is sent as bytes, than a piece, and than what a socket holds; no multiple of anything.
const SIZE: usize = 9_000_017;

const MINUTE: Duration = Duration::from_secs(60);

struct Running {
    files: Fixture,
    folder: tempfile::TempDir,
    key: ArtifactKey,
    content: Vec<u8>,
    address: std::net::SocketAddr,
    server: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn start() -> Running {
    let (files, folder) = on_a_volume().await;
    let content: Vec<u8> =
        (0..SIZE as u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[..1].to_vec()).collect();
    let spool = Spools::from_bytes(content.clone());
    let key = ArtifactKey::new(ObjectName::new("team-a", "large"), spool.digest());
    files.storage.store(&key, &spool).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = ServerSettings { max_connections: 99, header_timeout: MINUTE, idle_timeout: MINUTE, buffer: 65536 };
    let server = tokio::spawn(serve(listener, files.artifacts(), settings, CancellationToken::new(), MINUTE));
    Running { files, folder, key, content, address, server }
}

impl Running {
    /// A client that lets the server wait.
    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    fn request(&self, headers: &str) -> String {
        format!("GET /{} HTTP/1.1\r\nhost: x\r\n{headers}\r\n", self.key)
    }
}

/// One answer: its head and its content.
async fn answer(client: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut content = vec![0; length];
    client.read_exact(&mut content).await.unwrap();
    (head, content)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_arrives_as_it_is() {
    let running = start().await;
    let mut client = running.connect().await;
    for _ in 0..2 {
        client.write_all(running.request("").as_bytes()).await.unwrap();
        let (head, content) = answer(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(content == running.content, "other bytes came");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_and_other_answers_of_one_connection_do_not_mix() {
    let running = start().await;
    let mut client = running.connect().await;
    let small = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", running.files.key);
    let ranges = [0..1, 5..4_000_000, 8_999_000..SIZE, 65_536..131_073, 1_048_575..2_097_153];
    // All at once: the answers come one after the other, in order.
    let mut requests = String::new();
    for range in &ranges {
        requests += &running.request(&format!("range: bytes={}-{}\r\n", range.start, range.end - 1));
        requests += &small;
    }
    client.write_all(requests.as_bytes()).await.unwrap();
    for range in ranges {
        let (head, content) = answer(&mut client).await;
        assert!(head.starts_with("HTTP/1.1 206"), "{head}");
        assert!(content == running.content[range.clone()], "other bytes came for {range:?}");
        assert_eq!(answer(&mut client).await.1, CONTENT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_do_not_mix() {
    let running = Arc::new(start().await);
    let download = |number: usize| {
        let running = Arc::clone(&running);
        async move {
            let (start, end) = (number * 100_000, SIZE - number * 77_777);
            let mut client = running.connect().await;
            let request = running.request(&format!("range: bytes={start}-{}\r\n", end - 1));
            client.write_all(request.as_bytes()).await.unwrap();
            assert!(answer(&mut client).await.1 == running.content[start..end], "other bytes came");
        }
    };
    futures::future::join_all((0..16).map(download).map(tokio::spawn)).await.into_iter().for_each(Result::unwrap);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_cut_while_it_is_sent_breaks_the_connection_and_is_not_served_again() {
    let running = start().await;
    let mut client = running.connect().await;
    client.write_all(running.request("").as_bytes()).await.unwrap();
    client.read_u8().await.unwrap();
    let path = running.folder.path().join(running.key.to_string());
    std::fs::File::options().write(true).open(path).unwrap().set_len(8_500_000).unwrap();
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    assert!(rest.len() < SIZE, "{} bytes came", rest.len());
    assert_eq!(running.files.ask("GET", &format!("/{}", running.key), &[(RANGE, "bytes=0-1")]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_deleted_while_it_is_sent_arrives_whole() {
    let running = start().await;
    let mut client = running.connect().await;
    client.write_all(running.request("").as_bytes()).await.unwrap();
    client.peek(&mut [0]).await.unwrap();
    running.files.storage.delete(&running.key).await.unwrap();
    assert!(answer(&mut client).await.1 == running.content, "other bytes came");
}
