//! The proxy between real sockets. What the policy itself says is shown where it is defined.

use std::net::IpAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;

/// How long a test waits for what should happen soon.
const SOON: Duration = Duration::from_secs(20);

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
    connections: Arc<Semaphore>,
}

impl Running {
    /// Connects to `origin`, which stays silent, by a tunnel that is open.
    async fn tunnel(&self, origin: &TcpListener) -> (TcpStream, TcpStream) {
        let address = origin.local_addr().unwrap();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
        let (there, _) = origin.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        // One for the next connection, which is waited for.
        assert_eq!(self.connections.available_permits(), MAX_CONNECTIONS - 2);
        (stream, there)
    }

    /// Waits until nobody holds a connection.
    async fn idle(&self) {
        let idle = async {
            while self.connections.available_permits() < MAX_CONNECTIONS - 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, idle).await.expect("a connection is held for nobody");
    }
}

async fn start(allow: &[&str]) -> Running {
    start_for(allow, Duration::from_secs(600)).await
}

async fn start_for(allow: &[&str], longest: Duration) -> Running {
    let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
    let egress = Egress::bind(&AddressSettings { allow, ..AddressSettings::default() }, longest).await.unwrap();
    let (address, shutdown) = (egress.address(), CancellationToken::new());
    let connections = Arc::clone(&egress.connections);
    Running { address, shutdown: shutdown.clone(), server: tokio::spawn(egress.serve(shutdown)), connections }
}

/// A server of one connection, that gives what it was sent once it has sent `answer`.
async fn origin(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = vec![0; 4096];
        let n = stream.read(&mut seen).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&seen[..n]).into_owned()
    });
    (address, served)
}

/// Sends this to the proxy, and gives all that comes back.
async fn ask(proxy: &Running, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut read)).await.expect("no end").unwrap();
    String::from_utf8_lossy(&read).into_owned()
}

const HELLO: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nkeep-alive: x\r\nconnection: close, x-hop\r\nx-hop: 1\r\n\r\nhello";

#[tokio::test]
async fn a_request_is_passed_on_without_what_is_about_the_connection() {
    let proxy = start(&["127.0.0.0/8"]).await;
    let (address, served) = origin(HELLO).await;
    let request = format!(
        "POST http://user:pass@{address}/a?b=c HTTP/1.1\r\nHost: other\r\nProxy-Authorization: Basic x\r\n\
         Proxy-Connection: close\r\nConnection: close, x-mine\r\nX-Mine: 1\r\nX-Kept: 2\r\nContent-Length: 4\r\n\r\nbody"
    );
    let answer = ask(&proxy, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(!answer.contains("x-hop") && !answer.contains("keep-alive"), "{answer}");
    let seen = served.await.unwrap().to_ascii_lowercase();
    assert!(seen.starts_with("post /a?b=c http/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("host: {address}\r\n")) && seen.contains("x-kept: 2\r\n"), "{seen}");
    for gone in ["other", "proxy-", "x-mine", "user", "pass"] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways() {
    let proxy = start(&["127.0.0.0/8"]).await;
    let (address, served) = origin("back").await;
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b"there").await.unwrap();
    assert_eq!(served.await.unwrap(), "there");
    let mut back = String::new();
    tokio::time::timeout(SOON, stream.read_to_string(&mut back)).await.expect("no end").unwrap();
    assert_eq!(back, "back");
}

#[tokio::test]
async fn nothing_is_held_for_a_client_that_is_gone() {
    let proxy = start(&["127.0.0.0/8"]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, _there) = proxy.tunnel(&silent).await;
    drop(client);
    proxy.idle().await;
}

#[tokio::test]
async fn nothing_is_held_for_longer_than_a_command_may_live() {
    let proxy = start_for(&["127.0.0.0/8"], Duration::from_secs(2)).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (_client, _there) = proxy.tunnel(&silent).await;
    proxy.idle().await;
}

#[tokio::test]
async fn who_has_no_more_to_say_still_gets_the_answer() {
    let proxy = start(&["127.0.0.0/8"]).await;
    let origin = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (mut client, mut there) = proxy.tunnel(&origin).await;
    client.write_all(b"request").await.unwrap();
    client.shutdown().await.unwrap();
    let mut request = String::new();
    there.read_to_string(&mut request).await.unwrap();
    there.write_all(b"answer").await.unwrap();
    drop(there);
    let mut answer = String::new();
    tokio::time::timeout(SOON, client.read_to_string(&mut answer)).await.expect("no end").unwrap();
    assert_eq!((request.as_str(), answer.as_str()), ("request", "answer"));
    proxy.idle().await;
}

#[tokio::test]
async fn the_policy_decides_on_what_is_connected_to() {
    let proxy = start(&[]).await;
    let port = proxy.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "0x7f.0.0.1",
        "2130706433",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
    ] {
        for request in [
            format!("GET http://{host}:{port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        ] {
            let answer = ask(&proxy, &request).await;
            assert!(
                answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("forbids the host's address\n"),
                "{request}{answer}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_for_no_proxy_is_refused() {
    let proxy = start(&["127.0.0.0/8"]).await;
    for line in
        ["GET / HTTP/1.1", "GET https://localhost/ HTTP/1.1", "CONNECT localhost HTTP/1.1", "OPTIONS * HTTP/1.1"]
    {
        let answer = ask(&proxy, &format!("{line}\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for (url, status) in [(format!("http://{closed}/"), 502), ("http://name.invalid/".to_owned(), 502)] {
        let answer = ask(&proxy, &format!("GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{url}: {answer}");
    }
}

#[tokio::test]
async fn an_end_cuts_off_what_is_open() {
    let proxy = start(&["127.0.0.0/8"]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    stream.write_all(format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    let (_there, _) = silent.accept().await.unwrap();
    proxy.shutdown.cancel();
    tokio::time::timeout(SOON, proxy.server).await.expect("the proxy waits for a tunnel").unwrap();
}

#[test]
fn this_machines_own_addresses_are_loopback_by_another_name() {
    assert!(dial::is_own(IpAddr::from([127, 0, 0, 1])));
    // For documentation (RFC 5737): nobody's.
    assert!(!dial::is_own(IpAddr::from([192, 0, 2, 1])));
    // An address towards anywhere, if there is a way: nothing is sent.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect("192.0.2.1:9").is_ok() {
        let own = socket.local_addr().unwrap().ip();
        let none = AddressPolicy::new(&AddressSettings::default());
        assert!(!Dialer::new(none).permits(own), "{own}");
        let allow = vec![ipnet::IpNet::from(own)];
        let allowed = AddressPolicy::new(&AddressSettings { allow, ..AddressSettings::default() });
        assert!(Dialer::new(allowed).permits(own), "{own}");
    }
}
