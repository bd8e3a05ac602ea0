//! The listener outlives the server; the server's end is a crash unless it was asked for. Real sockets, real time.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use ractor::ActorStatus;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::http::artifacts::ArtifactSettings;
use crate::storage::memory::{MemorySettings, MemoryStorage};

const LONG: Duration = Duration::from_secs(60);

fn args(listener: TcpListener) -> ArtifactServerArgs {
    let memory = MemorySettings { capacity: 0, base_url: String::new() };
    let storage = Arc::new(MemoryStorage::new(memory, Arc::default()));
    let artifacts = Artifacts::new(storage, Arc::default(), ArtifactSettings::default());
    let settings = ServerSettings { max_connections: 10, header_timeout: LONG, idle_timeout: LONG, buffer: 65536 };
    ArtifactServerArgs { listener: Arc::new(listener), artifacts, settings, grace: LONG }
}

fn listening() -> (ArtifactServerArgs, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (args(listener), address)
}

async fn start(args: &ArtifactServerArgs) -> (ActorRef<ArtifactServerMsg>, JoinHandle<()>) {
    ArtifactServer::spawn(None, ArtifactServer, args.clone()).await.unwrap()
}

/// Sends a request.
async fn ask(address: SocketAddr) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
    connection
}

async fn is_served(mut connection: TcpStream) -> bool {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer.starts_with("HTTP/1.1 404") && answer.ends_with("not found\n")
}

#[tokio::test]
async fn a_connection_that_comes_while_the_server_is_down_is_served_by_the_next_one() {
    let (args, address) = listening();
    let (server, _) = start(&args).await;
    assert!(is_served(ask(address).await).await);
    server.kill_and_wait(None).await.unwrap();
    let waiting = ask(address).await;
    let (_next, _) = start(&args).await;
    assert!(is_served(waiting).await);
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_a_crash() {
    let (args, address) = listening();
    let (server, ended) = start(&args).await;
    server.cast(ArtifactServerMsg::Ended).unwrap();
    ended.await.unwrap();
    assert_eq!(server.get_status(), ActorStatus::Stopped);
    let (_next, _) = start(&args).await;
    assert!(is_served(ask(address).await).await);
}

#[tokio::test]
async fn an_end_that_was_asked_for_is_no_crash() {
    let (args, address) = listening();
    let (server, _) = start(&args).await;
    let shut_down = |reply_to| ArtifactServerMsg::Shutdown { reply_to };
    assert!(server.call(shut_down, Some(LONG)).await.unwrap().is_success());
    // The server's own message of its end stands before this.
    assert!(server.call(shut_down, Some(LONG)).await.unwrap().is_success());
    drop(args);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_listener_that_cannot_be_used_is_a_failed_start() {
    // A file can be cloned as a socket can, but not be waited for.
    let file = tempfile::tempfile().unwrap();
    let args = args(TcpListener::from(OwnedFd::from(file)));
    assert!(ArtifactServer::spawn(None, ArtifactServer, args).await.is_err());
}
