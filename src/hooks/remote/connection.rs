//! One connection to the sidecar, for one request.

use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{Body, unavailable};
use crate::hooks::{Endpoint, ExecutorError};

/// How long connecting may take, to a process of the same pod: beyond the time that a full queue takes to move.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection. Dropping it ends the command that it was for.
pub(super) struct Connection {
    sender: SendRequest<Body>,
    _driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl Connection {
    pub(super) async fn open(endpoint: &Endpoint) -> Result<Self, ExecutorError> {
        let connected = async {
            match endpoint {
                Endpoint::Unix(path) => Self::over(UnixStream::connect(path).await.map_err(|e| e.to_string())?).await,
                Endpoint::Tcp(address) => {
                    let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
                    // Fails only on what is gone already.
                    let _ = stream.set_nodelay(true);
                    Self::over(stream).await
                }
            }
        };
        let connected = timeout(CONNECT_TIMEOUT, connected).await.unwrap_or_else(|_| Err("no answer in time".into()));
        connected.map_err(|why| unavailable(&format_args!("{endpoint}: {why}")))
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Self, String> {
        let (sender, driver) =
            handshake(TokioIo::new(stream)).await.map_err(|error: hyper::Error| error.to_string())?;
        Ok(Self { sender, _driver: AbortOnDropHandle::new(tokio::spawn(driver)) })
    }

    /// The connection has to live as long as the answer is read.
    pub(super) async fn send(&mut self, request: Request<Body>) -> Result<Response<Incoming>, ExecutorError> {
        self.sender.send_request(request).await.map_err(|error| unavailable(&error))
    }
}
