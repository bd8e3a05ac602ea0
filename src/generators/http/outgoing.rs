//! What is sent: everything about a request that stays the same over redirects, and what each hop gets of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::TryStreamExt as _;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_TYPE, HeaderName,
    HeaderValue,
};
use http::{HeaderMap, Method};
use reqwest::{Body, RequestBuilder};

use super::decode::{self, Coding};
use super::errors::HttpError;
use super::pre_request::{self, Parts};
use super::redirect::Hop;
use super::secrets::{self, MAX_HEADERS, Trust};
use super::spec::Target;
use super::validators;
use crate::api::external_source::{HttpGeneratorSpec, Unpack};
use crate::generators::Request;
use crate::spool::Spool;

/// Headers that speak of the content (<https://fetch.spec.whatwg.org/#request-body-header-name>): they go where it goes.
const OF_CONTENT: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION];

/// A request before its first hop.
pub(super) struct Outgoing<'a> {
    pub(super) target: Target,
    pub(super) trust: Trust<'a>,
    /// From a Secret or a hook: for the first origin alone.
    secret_headers: HeaderMap,
    pub(super) condition: Option<(HeaderName, HeaderValue)>,
    /// From a hook: for the first origin alone, too.
    content: Option<Spool>,
    unpack: Option<&'a Unpack>,
}

impl<'a> Outgoing<'a> {
    /// What the spec, its Secrets and its preRequest hooks come to.
    pub(super) async fn new(
        mut target: Target,
        spec: &'a HttpGeneratorSpec,
        request: &Request<'a>,
    ) -> Result<Self, HttpError> {
        let parts = match request.pre_request {
            Some(output) => pre_request::parts(spec, &target.method, output).await?,
            None => Parts::default(),
        };
        parts.extend_query(&mut target.url)?;
        let is_get = target.method == Method::GET;
        Ok(Self {
            trust: secrets::trust(spec, request.secrets)?,
            secret_headers: merge(secrets::headers(spec, request.secrets)?, parts.headers)?,
            condition: request.validators.filter(|_| is_get).and_then(validators::condition),
            content: parts.body,
            unpack: spec.unpack.as_ref(),
            target,
        })
    }

    /// Whether something of it is kept from other origins.
    pub(super) fn has_secrets(&self) -> bool {
        !self.secret_headers.is_empty() || self.target.credentials.is_some()
    }

    /// Whether the chain may go on there. The content cannot be left out as headers can: it is what is asked.
    pub(super) fn check_hop(&self, hop: &Hop) -> Result<(), HttpError> {
        if hop.left_origin && self.content_for(hop).is_some() {
            let problem = "to another origin, which is never sent what preRequest hooks made";
            return Err(HttpError::Redirect { problem });
        }
        Ok(())
    }

    /// The request of one hop, and how many bytes of the content were taken so far.
    pub(super) fn request(&self, client: &reqwest::Client, hop: &Hop) -> (RequestBuilder, Arc<AtomicU64>) {
        let accepted = if self.unpack.is_some() { "identity" } else { decode::ACCEPT_ENCODING };
        let mut request = client.request(hop.method.clone(), hop.url.clone()).header(ACCEPT_ENCODING, accepted);
        if let Some((name, value)) = &self.condition {
            request = request.header(name, value);
        }
        if !hop.left_origin {
            // An Authorization of a Secret or a hook replaces the one of the URL's userinfo.
            if let Some(credentials) = &self.target.credentials {
                request = request.basic_auth(&credentials.user, credentials.password.as_ref());
            }
            request = request.headers(self.headers_for(hop));
        }
        let sent = Arc::<AtomicU64>::default();
        let content = self.content_for(hop);
        if hop.method != Method::GET {
            request = request.header(CONTENT_LENGTH, content.map_or(0, Spool::len));
        }
        if let Some(content) = content {
            request = request.body(body(content, &sent));
        }
        (request, sent)
    }

    /// A redirect that changes the method leaves the content behind.
    fn content_for(&self, hop: &Hop) -> Option<&Spool> {
        self.content.as_ref().filter(|_| hop.method == self.target.method)
    }

    fn headers_for(&self, hop: &Hop) -> HeaderMap {
        let mut headers = self.secret_headers.clone();
        if hop.method != self.target.method {
            for name in &OF_CONTENT {
                headers.remove(name);
            }
        }
        headers
    }

    /// The encodings to undo. An archive was asked for without any: a server that says "gzip" about a tar.gz then
    /// describes the file itself, as `curl` without `--compressed` takes it to.
    pub(super) fn codings(&self, headers: &HeaderMap) -> Result<Vec<Coding>, HttpError> {
        let mut codings = decode::codings(headers)?;
        if self.unpack.is_some_and(|unpack| unpack.format == "tar.gz") && codings.first() == Some(&Coding::Gzip) {
            codings.remove(0);
        }
        Ok(codings)
    }
}

/// What a hook made for this very run goes over what stands in a Secret.
fn merge(mut secret: HeaderMap, made: HeaderMap) -> Result<HeaderMap, HttpError> {
    for name in made.keys() {
        secret.remove(name);
    }
    // Keeps several values of one name.
    secret.extend(made);
    if secret.len() > MAX_HEADERS {
        let problem = format!("together with the Secret's has more than {MAX_HEADERS} headers");
        return Err(HttpError::PreRequest { problem });
    }
    Ok(secret)
}

fn body(content: &Spool, sent: &Arc<AtomicU64>) -> Body {
    let sent = Arc::clone(sent);
    Body::wrap_stream(content.stream(None).inspect_ok(move |chunk| {
        sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }))
}
