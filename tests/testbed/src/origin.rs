//! Scripted HTTP origins on 127.0.0.1: what they answer is set by the test, also while they run, and every request is
//! recorded.

mod body;
mod conditional;
mod record;
mod reply;
mod serve;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
pub use record::Recorded;
pub use reply::Reply;
use serve::Never;
use state::State;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::background;
use crate::certificates::Authority;
use crate::wait::eventually;

/// What a TLS origin's certificate says.
#[derive(Debug, Clone)]
pub struct Certificate<'a> {
    /// Host names and addresses that it is valid for.
    pub names: &'a [&'a str],
    /// Whether its time is over.
    pub expired: bool,
}

impl Default for Certificate<'_> {
    fn default() -> Self {
        Self { names: &["localhost", "127.0.0.1"], expired: false }
    }
}

/// A running origin; it ends, with all its connections, when this is dropped.
pub struct Origin {
    address: SocketAddr,
    ca: Option<String>,
    state: Arc<State>,
    /// The server ends when this is dropped.
    running: oneshot::Sender<Never>,
    server: JoinHandle<()>,
}

impl Origin {
    /// Starts one on a free port, over plain HTTP.
    pub async fn start() -> Result<Self> {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts one at an address, such as that of one that was stopped.
    pub async fn start_at(address: SocketAddr) -> Result<Self> {
        Self::listen(address, None, None).await
    }

    /// Starts one on a free port that speaks TLS with a certificate of a CA of its own.
    pub async fn start_tls(certificate: Certificate<'_>) -> Result<Self> {
        let authority = Authority::new("testbed-origin-ca")?;
        let pair = authority.server(certificate.names, certificate.expired)?;
        let acceptor = serve::acceptor(&pair)?;
        Self::listen(SocketAddr::from(([127, 0, 0, 1], 0)), Some(acceptor), Some(authority.pem())).await
    }

    async fn listen(address: SocketAddr, tls: Option<serve::Acceptor>, ca: Option<String>) -> Result<Self> {
        let state = Arc::new(State::default());
        // On the runtime that outlives the test: a test that blocks its own must not stop the origin.
        background::run(async move {
            let listener =
                TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} as an origin"))?;
            let address = listener.local_addr().context("cannot read the origin's address")?;
            let (running, ended) = oneshot::channel();
            let server = tokio::spawn(serve::accept(listener, tls, Arc::clone(&state), ended));
            Ok(Self { address, ca, state, running, server })
        })
        .await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The full URL of a path (with its slash).
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.ca.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The certificate of its CA as PEM, for a TLS origin.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    /// Answers requests for a path (without query) with this from now on. Paths that were never set give 404.
    pub fn on(&self, path: &str, reply: Reply) {
        self.on_each(path, [reply]);
    }

    /// Answers the first request for a path with the first reply, and so on; the last one is repeated.
    pub fn on_each(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut replies: Vec<_> = replies.into_iter().collect();
        replies.reverse();
        self.on_request(path, move |_| match replies.len() {
            0 => Reply::status(404),
            1 => replies[0].clone(),
            _ => replies.pop().unwrap_or_default(),
        });
    }

    /// Answers requests for a path with what a function makes of them.
    pub fn on_request(&self, path: &str, handler: impl FnMut(&Recorded) -> Reply + Send + 'static) {
        self.state.set(path, Box::new(handler));
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Recorded> {
        self.state.requests()
    }

    /// The requests for a path so far.
    pub fn requests_for(&self, path: &str) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.path == path).collect()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.state.connections()
    }

    /// Forgets the requests and connections so far.
    pub fn forget(&self) {
        self.state.forget();
    }

    /// Waits until a path was asked for at least this often.
    pub async fn wait_for_requests(&self, path: &str, count: usize, within: Duration) -> Result<Vec<Recorded>> {
        eventually(&format!("{count} requests for {path}"), within, async || {
            let requests = self.requests_for(path);
            ensure!(requests.len() >= count, "{} requests for it so far", requests.len());
            Ok(requests)
        })
        .await
    }

    /// Closes the port and all connections, and gives the address; connecting to it is refused from now on.
    pub async fn stop(self) -> SocketAddr {
        drop(self.running);
        // An error would be a panic of the server, and it is gone then too.
        let _ = self.server.await;
        self.address
    }
}
