//! The `http` generator: one request, whose answer is the data.
//!
//! `spec` and `secrets` read what the user wrote, `pre_request` what hooks made, `exchange` asks (turns, redirects,
//! status), `outgoing` is what is sent at each hop, `body` brings the answer into a spool. `resolver` and `proxy` decide
//! where requests may go, by [`crate::address`].

mod body;
mod clients;
mod decode;
mod errors;
mod exchange;
mod fingerprint;
mod names;
mod outgoing;
mod pre_request;
mod proxy;
mod redirect;
mod resolver;
mod retry_after;
mod secrets;
mod settings;
mod slots;
mod spec;
mod transport;
mod validators;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use http::Method;

use self::exchange::Exchange;
use super::{Answer, Generator, Request, Secrets};
use crate::api::external_source::{GeneratorSpec, HttpGeneratorSpec};
use crate::failure::Failure;

pub use errors::HttpError;
pub use proxy::ProxySettings;
pub use settings::HttpSettings;

/// Fetches data over HTTP.
pub struct HttpGenerator {
    exchange: Exchange,
}

impl HttpGenerator {
    /// A generator that uses the proxy of this process's environment.
    pub fn new(settings: HttpSettings) -> Self {
        Self::with_proxies(settings, ProxySettings::from_env())
    }

    /// A generator that uses these proxies.
    pub fn with_proxies(settings: HttpSettings, proxies: ProxySettings) -> Self {
        Self { exchange: Exchange::new(settings, proxies) }
    }
}

#[async_trait]
impl Generator for HttpGenerator {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn validate(&self, spec: &GeneratorSpec) -> Result<(), Failure> {
        spec::check(spec::sub_object(spec)?, &self.exchange.settings, &self.exchange.policy)?;
        Ok(())
    }

    fn secrets(&self, spec: &GeneratorSpec) -> Vec<String> {
        spec.http.as_ref().map(secrets::names).unwrap_or_default()
    }

    fn takes_pre_request(&self, spec: &GeneratorSpec) -> bool {
        let method = Method::from_bytes(spec::method_name(http(spec)).as_bytes());
        method.is_ok_and(|method| pre_request::is_taken(http(spec), &method))
    }

    fn fingerprint(&self, spec: &GeneratorSpec, secrets: &Secrets) -> String {
        fingerprint::fingerprint(http(spec), secrets)
    }

    fn origin(&self, spec: &GeneratorSpec) -> String {
        names::origin(&http(spec).url)
    }

    fn file_name(&self, spec: &GeneratorSpec) -> String {
        names::file_name(&http(spec).url)
    }

    fn is_conditional(&self, spec: &GeneratorSpec) -> bool {
        spec::method_name(http(spec)) == Method::GET.as_str()
    }

    async fn generate(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let spec = spec::sub_object(request.spec)?;
        let answer = self.exchange.run(spec, &request).await;
        answer.map_err(|error| error.into_failure(&spec::method_name(spec), &names::origin(&spec.url)))
    }
}

/// The sub-object; an empty one where it is missing, which [`Generator::validate`] reports.
fn http(spec: &GeneratorSpec) -> &HttpGeneratorSpec {
    static MISSING: HttpGeneratorSpec = HttpGeneratorSpec {
        url: String::new(),
        method: None,
        headers_secret_ref: None,
        ca_bundle_secret_ref: None,
        insecure_skip_verify: None,
        timeout: None,
        from_pre_request: None,
        unpack: None,
    };
    spec.http.as_ref().unwrap_or(&MISSING)
}
