//! The way out for commands that may use the network: a forward proxy on a port of this machine, the only address that
//! the sandbox lets them connect to. It applies the address policy that the generator obeys, to the very address that it
//! connects to, so that a command reaches no more than an ExternalSource's URL could.

mod dial;
mod forward;
mod tunnel;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::dial::Dialer;
use crate::address::{AddressPolicy, AddressSettings};

/// Connections at once, of all commands; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 256;

/// How long a client may take to send its request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Wait after a failed accept, mostly for want of file descriptors.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(250);

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// The proxy, listening.
pub struct Egress {
    listener: TcpListener,
    address: SocketAddr,
    dialer: Arc<Dialer>,
    longest: Duration,
    connections: Arc<Semaphore>,
}

impl Egress {
    /// Listens on a free port. No command lives for longer than `longest`, so that no connection has to.
    pub async fn bind(settings: &AddressSettings, longest: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let dialer = Arc::new(Dialer::new(AddressPolicy::new(settings)));
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Ok(Self { listener, address, dialer, longest, connections })
    }

    /// Where commands find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, which cuts off whatever is open: by then no command runs any more.
    pub async fn serve(self, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        loop {
            let accepted = async {
                // The semaphore is never closed.
                let permit = Arc::clone(&self.connections).acquire_owned().await.ok();
                (self.listener.accept().await, permit)
            };
            let Some((accepted, permit)) = shutdown.run_until_cancelled(accepted).await else { break };
            let Ok((stream, _)) = accepted else {
                tokio::time::sleep(ACCEPT_BACKOFF).await;
                continue;
            };
            let (dialer, longest, shutdown) = (Arc::clone(&self.dialer), self.longest, shutdown.clone());
            connections.spawn(async move {
                let cut = shutdown.child_token();
                let connection = tokio::time::timeout(longest, connection(stream, dialer, cut.clone()));
                // Whoever holds it for longer is no command any more, or has somebody else hold it.
                let _ = shutdown.run_until_cancelled(connection).await;
                // Also what the connection became.
                cut.cancel();
                drop(permit);
            });
        }
        connections.close();
        connections.wait().await;
    }
}

/// The variables that make programs use the proxy.
pub fn variables(proxy: SocketAddr) -> impl Iterator<Item = (String, String)> {
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    names.into_iter().map(move |name| (name.to_owned(), format!("http://{proxy}")))
}

async fn connection(stream: TcpStream, dialer: Arc<Dialer>, cut: CancellationToken) {
    let tunnels = TaskTracker::new();
    let service = service_fn(|request| {
        let (dialer, tunnels, cut) = (Arc::clone(&dialer), tunnels.clone(), cut.clone());
        async move { Ok::<_, Infallible>(answer(request, &dialer, &tunnels, cut).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    // A client that breaks off has its reasons.
    let _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
    // A tunnel counts as its connection.
    tunnels.close();
    tunnels.wait().await;
}

async fn answer(request: Request<Incoming>, dialer: &Dialer, tunnels: &TaskTracker, cut: CancellationToken) -> Answer {
    let answered = if request.method() == Method::CONNECT {
        tunnel::open(request, dialer, tunnels, cut).await
    } else {
        forward::forward(request, dialer).await
    };
    answered.unwrap_or_else(|refused| {
        let (status, text) = refused.answer();
        text_answer(status, text)
    })
}

fn text_answer(status: StatusCode, text: &'static str) -> Answer {
    let body = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never: Infallible| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
}

/// Why a request goes nowhere. No text names an address: what a name resolves to in here is not for a command to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Neither CONNECT with a port nor an absolute `http://` URL.
    NoProxyRequest,
    /// The policy forbids every address.
    Denied,
    /// No address.
    Unknown,
    /// Nobody there.
    Unreachable,
    /// Nobody answered in time.
    TimedOut,
}

impl Refused {
    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoProxyRequest => (StatusCode::BAD_REQUEST, "this is a proxy for http:// URLs and CONNECT\n"),
            Self::Denied => (StatusCode::FORBIDDEN, "the address policy forbids the host's address\n"),
            Self::Unknown => (StatusCode::BAD_GATEWAY, "the host has no address\n"),
            Self::Unreachable => (StatusCode::BAD_GATEWAY, "no connection could be made\n"),
            Self::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "the host did not answer in time\n"),
        }
    }
}
