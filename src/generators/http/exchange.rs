//! One question and its answer: turns per host, redirects, the status, and then the body.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use reqwest::Response;

use super::body::{self, Limits};
use super::clients::{self, Clients};
use super::errors::HttpError;
use super::outgoing::Outgoing;
use super::proxy::{Proxies, ProxySettings};
use super::redirect::Hop;
use super::retry_after::retry_after;
use super::slots::{Slot, Slots};
use super::{HttpSettings, resolver, spec, transport, validators};
use crate::address::AddressPolicy;
use crate::api::external_source::HttpGeneratorSpec;
use crate::generators::{Answer, Content, Head, Request};

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
        let outgoing = Outgoing::new(target, spec, request).await?;
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
                let headers_dropped = hop.left_origin && outgoing.has_secrets();
                return Err(HttpError::Status { status, retry_after, headers_dropped });
            }
        }
        let validators = validators::of(headers);
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.filter(|value| value.len() <= MAX_CONTENT_TYPE).map(ToOwned::to_owned);
        let head = request.keep_head.then(|| Arc::new(head(status, headers)));
        let codings = outgoing.codings(headers)?;
        let limits = Limits { size: self.settings.max_body, wait: self.settings.timeout };
        let body = body::receive(response, &codings, limits, request.spools, request.progress).await?;
        Ok(Answer::Content(Content { body, validators, content_type, head }))
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
            outgoing.check_hop(&next)?;
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
        let (request, sent) = outgoing.request(&client, hop);
        let response = while_moving(request.send(), &sent, limit).await;
        response
            .ok_or(HttpError::Timeout { waited_for: "an answer", limit })?
            .map_err(|error| transport::classify(&error, proxied, clients::connect_limit(limit)))
    }
}

/// What comes of a request; `None` when for this long neither an answer came nor a part of the content was taken.
async fn while_moving<T>(request: impl Future<Output = T>, sent: &AtomicU64, limit: Duration) -> Option<T> {
    let mut request = pin!(request);
    let mut before = 0;
    loop {
        if let Ok(answer) = tokio::time::timeout(limit, &mut request).await {
            return Some(answer);
        }
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            return None;
        }
        before = now;
    }
}

/// Status and headers for whoever asked for them.
fn head(status: StatusCode, headers: &HeaderMap) -> Head {
    let mut kept = Head { status: status.as_u16(), ..Head::default() };
    for name in headers.keys() {
        let values: Vec<_> =
            headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        kept.headers.insert(name.as_str().to_owned(), values.join(", "));
    }
    kept
}
