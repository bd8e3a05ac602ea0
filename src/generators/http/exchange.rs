//! One question and its answer: turns per host, redirects, the status, and then the body.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use reqwest::Response;

use super::body::{self, Limits};
use super::clients::{self, Clients};
use super::decode::{self, Coding};
use super::errors::HttpError;
use super::proxy::{Proxies, ProxySettings};
use super::redirect::Hop;
use super::retry_after::retry_after;
use super::secrets::{self, Trust};
use super::slots::{Slot, Slots};
use super::spec::{self, Target};
use super::{HttpSettings, resolver, transport, validators};
use crate::address::AddressPolicy;
use crate::api::external_source::{HttpGeneratorSpec, Unpack};
use crate::generators::{Answer, Content, Request};

/// Longest `Content-Type` that is passed on; it is looked at, never stored.
const MAX_CONTENT_TYPE: usize = 256;

/// Asks origins; shared by all sources.
pub(super) struct Exchange {
    pub(super) settings: HttpSettings,
    pub(super) policy: Arc<AddressPolicy>,
    proxies: Proxies,
    clients: Clients,
    slots: Slots,
}

/// Everything about a request that stays the same over redirects.
struct Outgoing<'a> {
    target: Target,
    trust: Trust<'a>,
    secret_headers: HeaderMap,
    condition: Option<(HeaderName, HeaderValue)>,
    unpack: Option<&'a Unpack>,
}

impl Exchange {
    pub(super) fn new(settings: HttpSettings, proxies: ProxySettings) -> Self {
        let policy = Arc::new(AddressPolicy::new(&settings.addresses));
        let clients = Clients::new(settings.clone(), Arc::clone(&policy));
        let slots = Slots::new(settings.max_connections_per_host);
        Self { settings, policy, proxies: Proxies::new(proxies), clients, slots }
    }

    /// Asks once. The user's limit of the whole request begins with the request's turn: it is the origin that it
    /// limits, not the queue in front of it.
    pub(super) async fn run(&self, spec: &HttpGeneratorSpec, request: &Request<'_>) -> Result<Answer, HttpError> {
        let target = spec::check(spec, &self.settings, &self.policy)?;
        let is_get = target.method == Method::GET;
        let outgoing = Outgoing {
            trust: secrets::trust(spec, request.secrets)?,
            secret_headers: secrets::headers(spec, request.secrets)?,
            condition: request.validators.filter(|_| is_get).and_then(validators::condition),
            unpack: spec.unpack.as_ref(),
            target,
        };
        let slot = self.slots.acquire(&outgoing.target.url).await;
        let work = Box::pin(self.ask(slot, &outgoing, request));
        match outgoing.target.timeout {
            Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_| HttpError::Deadline { limit })?,
            None => work.await,
        }
    }

    async fn ask(&self, slot: Slot, outgoing: &Outgoing<'_>, request: &Request<'_>) -> Result<Answer, HttpError> {
        // The turn with the host lasts as long as its body does.
        let (_slot, hop, response) = self.follow(slot, outgoing).await?;
        let headers = response.headers();
        let status = response.status();
        match (status, &outgoing.condition) {
            (StatusCode::OK, Some((_, sent))) if validators::is_same(sent, headers) => return Ok(Answer::NotModified),
            (StatusCode::OK, _) => {}
            (StatusCode::NOT_MODIFIED, Some(_)) => return Ok(Answer::NotModified),
            (StatusCode::NOT_MODIFIED, None) => return Err(HttpError::UnexpectedNotModified),
            _ => {
                let retry_after = retry_after(status, headers, std::time::SystemTime::now());
                let had_secrets = !outgoing.secret_headers.is_empty() || outgoing.target.credentials.is_some();
                return Err(HttpError::Status { status, retry_after, headers_dropped: hop.left_origin && had_secrets });
            }
        }
        let validators = validators::of(headers);
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.filter(|value| value.len() <= MAX_CONTENT_TYPE).map(ToOwned::to_owned);
        let codings = outgoing.codings(headers)?;
        let limits = Limits { size: self.settings.max_body, wait: self.settings.timeout };
        let body = body::receive(response, &codings, limits, request.spools, request.progress).await?;
        Ok(Answer::Content(Content { body, validators, content_type }))
    }

    /// The first answer that is no redirect, with the turn at its host.
    async fn follow(&self, slot: Slot, outgoing: &Outgoing<'_>) -> Result<(Slot, Hop, Response), HttpError> {
        let mut slot = slot;
        let mut hop = Hop::first(outgoing.target.url.clone(), outgoing.target.method.clone());
        for _ in 0..=self.settings.max_redirects {
            let response = self.send(&hop, outgoing).await?;
            let Some(next) = hop.next(response.status(), response.headers().get(LOCATION))? else {
                return Ok((slot, hop, response));
            };
            hop = next;
            // Given back first: two chains that each wait for the other's host would wait for ever.
            drop((response, slot));
            slot = self.slots.acquire(&hop.url).await;
        }
        Err(HttpError::TooManyRedirects { limit: self.settings.max_redirects })
    }

    async fn send(&self, hop: &Hop, outgoing: &Outgoing<'_>) -> Result<Response, HttpError> {
        // The client connects to literal addresses without asking its resolver.
        self.policy.check_literal(&hop.url)?;
        let proxied = self.proxies.intercept(&hop.url);
        if proxied {
            resolver::check_proxied(&self.policy, hop.url.host_str().unwrap_or_default()).await?;
        }
        let client = self.clients.get(&outgoing.trust, proxied.then_some(&self.proxies))?;
        let limit = self.settings.timeout;
        let request = outgoing.request(&client, hop);
        tokio::time::timeout(limit, request.send())
            .await
            .map_err(|_| HttpError::Timeout { waited_for: "an answer", limit })?
            .map_err(|error| transport::classify(&error, proxied, clients::connect_limit(limit)))
    }
}

impl Outgoing<'_> {
    fn request(&self, client: &reqwest::Client, hop: &Hop) -> reqwest::RequestBuilder {
        let accepted = if self.unpack.is_some() { "identity" } else { decode::ACCEPT_ENCODING };
        let mut request = client.request(hop.method.clone(), hop.url.clone()).header(ACCEPT_ENCODING, accepted);
        if let Some((name, value)) = &self.condition {
            request = request.header(name, value);
        }
        if hop.method != Method::GET {
            request = request.header(CONTENT_LENGTH, 0);
        }
        if hop.left_origin {
            return request;
        }
        // A Secret's own Authorization replaces the one of the URL's userinfo.
        if let Some(credentials) = &self.target.credentials {
            request = request.basic_auth(&credentials.user, credentials.password.as_ref());
        }
        request.headers(self.secret_headers.clone())
    }

    /// The encodings to undo. An archive was asked for without any: a server that says "gzip" about a tar.gz then
    /// describes the file itself, as `curl` without `--compressed` takes it to.
    fn codings(&self, headers: &HeaderMap) -> Result<Vec<Coding>, HttpError> {
        let mut codings = decode::codings(headers)?;
        if self.unpack.is_some_and(|unpack| unpack.format == "tar.gz") && codings.first() == Some(&Coding::Gzip) {
            codings.remove(0);
        }
        Ok(codings)
    }
}
