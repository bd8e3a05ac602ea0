//! Bodies that come in pieces, slowly, or not to their end.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use http::header::CONTENT_LENGTH;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::time::sleep;

use super::Reply;
use super::reply::Fault;

pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// What was sent leaves the server's buffer before a connection is closed on purpose; an error would drop it.
const FLUSH: Duration = Duration::from_millis(50);

/// The body of a reply. One without any trick has a known length, all others are streams; hyper lets a header lie only
/// about the length of a stream.
pub(super) fn body(reply: &Reply) -> Body {
    let is_plain = reply.cut.is_none() && reply.drip.is_none() && !reply.chunked;
    if is_plain && !reply.headers.contains_key(CONTENT_LENGTH) {
        return Full::new(reply.body.clone()).map_err(|never: Infallible| match never {}).boxed_unsync();
    }
    StreamBody::new(pieces(reply)).boxed_unsync()
}

fn pieces(reply: &Reply) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> + Send + use<> {
    let end = reply.cut.unwrap_or(usize::MAX).min(reply.body.len());
    let (size, pause) = reply.drip.unwrap_or((end.max(1), Duration::ZERO));
    let fault = reply.fault;
    stream::unfold(Some(reply.body.slice(..end)), move |rest| async move {
        let mut rest = rest?;
        if rest.is_empty() {
            return break_off(fault).await.map(|error| (Err(error), None));
        }
        sleep(pause).await;
        let piece = rest.split_to(size.min(rest.len()));
        Some((Ok(Frame::data(piece)), Some(rest)))
    })
}

/// What comes after the last byte: nothing when all is well.
async fn break_off(fault: Option<Fault>) -> Option<io::Error> {
    match fault? {
        Fault::Hang => std::future::pending().await,
        Fault::Close => {
            sleep(FLUSH).await;
            Some(io::Error::other("the reply is cut here on purpose"))
        }
    }
}
