//! CONNECT: bytes both ways, for TLS that the command speaks itself.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dial::Dialer;
use super::{Answer, Refused};

/// Connects, and copies once the client knows it.
pub(super) async fn open(
    request: Request<Incoming>,
    dialer: &Dialer,
    tunnels: &TaskTracker,
    cut: CancellationToken,
) -> Result<Answer, Refused> {
    let target = request.uri().authority().and_then(|authority| Some((authority.host(), authority.port_u16()?)));
    let (host, port) = target.ok_or(Refused::NoProxyRequest)?;
    let mut there = dialer.dial(host, port).await?;
    tunnels.spawn(async move {
        if let Ok(here) = hyper::upgrade::on(request).await {
            let mut here = TokioIo::new(here);
            // Either end may break off; the other one sees it.
            let copying = tokio::io::copy_bidirectional(&mut here, &mut there);
            cut.run_until_cancelled(copying).await;
        }
    });
    Ok(Response::new(Empty::<Bytes>::new().map_err(|never| match never {}).boxed()))
}
