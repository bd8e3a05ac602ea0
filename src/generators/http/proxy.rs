//! The proxy from the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, read as curl reads them.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Proxy, Url};

/// Which proxy to use for what. `Debug` shows nothing, because proxy URLs hold passwords.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// URL of the proxy for `http://` URLs; empty for none.
    pub http: String,
    /// URL of the proxy for `https://` URLs; empty for none.
    pub https: String,
    /// Hosts, domains and networks that are reached directly, separated by commas.
    pub no_proxy: String,
}

impl std::fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxySettings").finish_non_exhaustive()
    }
}

impl ProxySettings {
    /// What the environment of this process says.
    pub fn from_env() -> Self {
        let read = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
        let all = read(["ALL_PROXY", "all_proxy"]);
        let or_all = |value: String| if value.is_empty() { all.clone() } else { value };
        Self {
            http: or_all(read(["HTTP_PROXY", "http_proxy"])),
            https: or_all(read(["HTTPS_PROXY", "https_proxy"])),
            no_proxy: read(["NO_PROXY", "no_proxy"]),
        }
    }
}

/// Decides per URL whether it goes through a proxy.
pub(super) struct Proxies {
    settings: ProxySettings,
    matcher: Matcher,
}

impl Proxies {
    pub(super) fn new(settings: ProxySettings) -> Self {
        let builder = Matcher::builder().http(settings.http.as_str()).https(settings.https.as_str());
        let matcher = builder.no(settings.no_proxy.as_str()).build();
        Self { settings, matcher }
    }

    /// Whether a request for `url` goes through a proxy.
    pub(super) fn intercept(&self, url: &Url) -> bool {
        url.as_str().parse().is_ok_and(|uri| self.matcher.intercept(&uri).is_some())
    }

    /// The proxies for a client that is used only for what [`Self::intercept`] says. `NO_PROXY` is left out, so that
    /// such a client can never connect directly and past the policy.
    pub(super) fn for_client(&self) -> reqwest::Result<Vec<Proxy>> {
        let mut proxies = Vec::new();
        if !self.settings.http.is_empty() {
            proxies.push(Proxy::http(self.settings.http.as_str())?);
        }
        if !self.settings.https.is_empty() {
            proxies.push(Proxy::https(self.settings.https.as_str())?);
        }
        Ok(proxies)
    }
}
