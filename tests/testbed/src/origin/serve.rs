//! The server side: connections, TLS, and requests into replies.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs};

use super::Recorded;
use super::body::{Body, body};
use super::reply::{Fault, Reply};
use super::state::State;
use crate::certificates::Pair;

pub(super) type Acceptor = TlsAcceptor;

/// Nothing is ever sent over the channel of this type; only its end counts.
pub(super) enum Never {}

/// What makes TLS connections with this certificate.
pub(super) fn acceptor(pair: &Pair) -> Result<Acceptor> {
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).context("not a certificate")?;
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).context("not a private key")?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts until the origin is gone, then closes the port and all connections.
pub(super) async fn accept(
    listener: TcpListener,
    tls: Option<Acceptor>,
    state: Arc<State>,
    mut ended: oneshot::Receiver<Never>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                state.connected();
                connections.spawn(connection(stream, peer, tls.clone(), Arc::clone(&state)));
            }
            Some(_) = connections.join_next() => {}
            _ = &mut ended => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, peer: SocketAddr, tls: Option<Acceptor>, state: Arc<State>) {
    match tls {
        None => serve(stream, peer, state).await,
        Some(acceptor) => {
            // A client that refuses our certificate ends here, as some tests want.
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, peer, state).await;
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr, state: Arc<State>) {
    let service = service_fn(|request| respond(request, peer, Arc::clone(&state)));
    // Its errors are the client's going away, or the faults that a test asked for.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// An error makes hyper close the connection without an answer.
async fn respond(request: Request<Incoming>, peer: SocketAddr, state: Arc<State>) -> io::Result<Response<Body>> {
    let (head, incoming) = request.into_parts();
    let content = incoming.collect().await.map_err(io::Error::other)?.to_bytes();
    let reply = state.answer(Recorded {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: content,
        peer,
        at: SystemTime::now(),
    });
    tokio::time::sleep(reply.delay).await;
    match reply.fault {
        Some(Fault::Close) if reply.cut.is_none() => Err(io::Error::other("closed on purpose")),
        Some(Fault::Hang) if reply.cut.is_none() => std::future::pending().await,
        _ => Ok(response(&reply)),
    }
}

fn response(reply: &Reply) -> Response<Body> {
    let mut response = Response::new(body(reply));
    *response.status_mut() = reply.status;
    response.headers_mut().clone_from(&reply.headers);
    // hyper knows the length of a plain body; that of a stream has to be said, or it would become chunked.
    if !reply.chunked && (reply.cut.is_some() || reply.drip.is_some()) {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(HeaderValue::from(reply.body.len()));
    }
    response
}
