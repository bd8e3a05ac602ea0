//! CONNECT: bytes both ways, for TLS that the command speaks itself.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dial::Dialer;
use super::{Answer, Refused};

/// How long one direction may be silent once the other has ended. A peer that is gone looks like one that has only
/// nothing more to say, and a connection is held for it.
const LINGER: Duration = Duration::from_secs(5);

/// Bytes of one step.
const CHUNK: usize = 16 * 1024;

/// Connects, and copies once the client knows it.
pub(super) async fn open(
    request: Request<Incoming>,
    dialer: &Dialer,
    tunnels: &TaskTracker,
    cut: CancellationToken,
) -> Result<Answer, Refused> {
    let target = request.uri().authority().and_then(|authority| Some((authority.host(), authority.port_u16()?)));
    let (host, port) = target.ok_or(Refused::NoProxyRequest)?;
    let there = dialer.dial(host, port).await?;
    tunnels.spawn(cut.run_until_cancelled_owned(async move {
        if let Ok(here) = hyper::upgrade::on(request).await {
            carry(TokioIo::new(here), there).await;
        }
    }));
    Ok(Response::new(Empty::<Bytes>::new().map_err(|never| match never {}).boxed()))
}

/// Copies until both directions have ended.
async fn carry(here: impl AsyncRead + AsyncWrite, there: impl AsyncRead + AsyncWrite) {
    let (asks, answer) = tokio::io::split(here);
    let (says, target) = tokio::io::split(there);
    let over = CancellationToken::new();
    // Either end may break off; the other one sees it.
    let there = async {
        let _ = copy(asks, target, &over).await;
        over.cancel();
    };
    let back = async {
        let _ = copy(says, answer, &over).await;
        over.cancel();
    };
    tokio::join!(there, back);
}

/// One direction, until its end; or until nothing moves after the other direction's.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    over: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let step = async {
            let read = from.read(&mut buffer).await?;
            to.write_all(&buffer[..read]).await?;
            // Bytes may wait in between until they are asked to go.
            to.flush().await?;
            Ok::<_, io::Error>(read)
        };
        let silence = async {
            over.cancelled().await;
            tokio::time::sleep(LINGER).await;
        };
        tokio::select! {
            read = step => if read? == 0 { return to.shutdown().await },
            () = silence => return Ok(()),
        }
    }
}
