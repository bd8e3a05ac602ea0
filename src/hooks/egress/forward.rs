//! Requests for absolute `http://` URLs, passed on one connection each.

use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{PathAndQuery, Scheme, Uri};
use http::{Request, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::dial::Dialer;
use super::{Answer, Refused};

/// Headers that are about one connection (RFC 9110 7.6.1), and those that are about us.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Passes the request on, and gives the answer.
pub(super) async fn forward(mut request: Request<Incoming>, dialer: &Dialer) -> Result<Answer, Refused> {
    let uri = request.uri();
    let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTP)).ok_or(Refused::NoProxyRequest)?;
    let stream = dialer.dial(authority.host(), authority.port_u16().unwrap_or(80)).await?;
    // Without the userinfo, which is no part of a host.
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(|_| Refused::NoProxyRequest)?;
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    strip(request.headers_mut());
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|_: hyper::Error| Refused::Unreachable)?;
    // Ends with the answer, or with whoever reads it.
    tokio::spawn(connection);
    let mut answer = sender.send_request(request).await.map_err(|_| Refused::Unreachable)?;
    strip(answer.headers_mut());
    Ok(answer.map(BodyExt::boxed))
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}
