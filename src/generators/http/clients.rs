//! HTTP clients, and with them connection pools, shared by all sources with the same TLS settings.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{Certificate, Client, ClientBuilder, redirect};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::HttpSettings;
use super::errors::HttpError;
use super::proxy::Proxies;
use super::resolver::GuardedResolver;
use super::secrets::{Trust, unusable};
use crate::address::AddressPolicy;
use crate::digest::Digest;

/// Clients kept. Each CA bundle has its own, and a rotated bundle is a new one, so old ones must go: 64 are more than
/// the internal authorities of any one organisation, and an evicted client only costs new connections.
const CAPACITY: usize = 64;

/// What tells clients apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    trust: TrustKey,
    proxied: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TrustKey {
    System,
    Insecure,
    Bundle(Digest),
}

/// A bounded cache of clients, the most recently used last.
pub(super) struct Clients {
    settings: HttpSettings,
    policy: Arc<AddressPolicy>,
    cached: Mutex<Vec<(Key, Client)>>,
}

impl Clients {
    pub(super) fn new(settings: HttpSettings, policy: Arc<AddressPolicy>) -> Self {
        Self { settings, policy, cached: Mutex::default() }
    }

    /// The client for these settings: `proxied` ones connect to nothing but the proxy, the others to nothing that the
    /// address policy forbids.
    pub(super) fn get(&self, trust: &Trust<'_>, proxies: Option<&Proxies>) -> Result<Client, HttpError> {
        let trust_key = match trust {
            Trust::System => TrustKey::System,
            Trust::Insecure => TrustKey::Insecure,
            Trust::Bundle { pem, .. } => TrustKey::Bundle(Digest::of(pem)),
        };
        let key = Key { trust: trust_key, proxied: proxies.is_some() };
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match cached.iter().position(|(cached, _)| *cached == key) {
            Some(index) => cached.remove(index).1,
            // Takes milliseconds and happens once per bundle, so that the lock may be held over it.
            None => self.build(trust, proxies)?,
        };
        if cached.len() >= CAPACITY {
            cached.remove(0);
        }
        cached.push((key, client.clone()));
        Ok(client)
    }

    fn build(&self, trust: &Trust<'_>, proxies: Option<&Proxies>) -> Result<Client, HttpError> {
        let builder = self.base();
        let builder = match trust {
            Trust::System => builder,
            Trust::Insecure => builder.tls_danger_accept_invalid_certs(true),
            Trust::Bundle { pem, secret, key } => builder.tls_certs_only(certificates(pem, secret, key)?),
        };
        let builder = match proxies {
            None => builder.dns_resolver(GuardedResolver(Arc::clone(&self.policy))),
            Some(proxies) => proxies
                .for_client()
                .map_err(|_| HttpError::Connect {
                    problem: "the proxy of the controller's environment cannot be used",
                })?
                .into_iter()
                .fold(builder, ClientBuilder::proxy),
        };
        builder.build().map_err(|_| HttpError::Client)
    }

    /// What all clients have in common. Redirects and decoding are our own, whatever features another crate turns on
    /// in this one; `no_proxy` keeps the client from reading the environment itself.
    fn base(&self) -> ClientBuilder {
        let HttpSettings { max_idle_connections, max_idle_connections_per_host, .. } = self.settings;
        let total = if max_idle_connections == 0 { usize::MAX } else { max_idle_connections };
        let per_host = if max_idle_connections_per_host == 0 { 2 } else { max_idle_connections_per_host };
        Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .user_agent(self.settings.user_agent.as_str())
            .connect_timeout(connect_limit(self.settings.timeout))
            .pool_idle_timeout(self.settings.idle_timeout)
            .pool_max_idle_per_host(per_host.min(total))
    }
}

/// The part of the time for an answer that connecting may take: less than all, so that it is always the same limit that
/// fires first when a host does not answer at all, and the message does not change from one attempt to the next.
pub(super) fn connect_limit(limit: std::time::Duration) -> std::time::Duration {
    limit / 10 * 9
}

/// The certificates of a PEM bundle that can be used; others are passed over, as Go and OpenSSL do, as long as one is
/// left.
fn certificates(pem: &[u8], secret: &str, key: &str) -> Result<Vec<Certificate>, HttpError> {
    let mut found = Vec::new();
    for der in CertificateDer::pem_slice_iter(pem) {
        let der = der.map_err(|_| unusable(secret, key, "is not valid PEM"))?;
        let usable = RootCertStore::empty().add(der.clone()).is_ok();
        if usable && let Ok(certificate) = Certificate::from_der(&der) {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(unusable(secret, key, "holds no PEM certificate that can be used")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::http::tests::support::{certificate, settings};

    fn clients() -> Clients {
        let settings = settings();
        let policy = Arc::new(AddressPolicy::new(&settings.addresses));
        Clients::new(settings, policy)
    }

    fn len(clients: &Clients) -> usize {
        clients.cached.lock().unwrap().len()
    }

    #[test]
    fn the_same_settings_share_a_client() {
        let clients = clients();
        let proxies = Proxies::new(crate::generators::http::ProxySettings::default());
        let pem = certificate().cert.pem();
        for _ in 0..3 {
            clients.get(&Trust::System, None).unwrap();
            clients.get(&Trust::System, Some(&proxies)).unwrap();
            clients.get(&Trust::Insecure, None).unwrap();
            clients.get(&Trust::Bundle { pem: pem.as_bytes(), secret: "s", key: "k" }, None).unwrap();
        }
        assert_eq!(len(&clients), 4);
    }

    #[test]
    fn rotating_bundles_do_not_pile_up_and_the_one_in_use_stays() {
        let clients = clients();
        let pem = certificate().cert.pem();
        clients.get(&Trust::Insecure, None).unwrap();
        for i in 0..2 * CAPACITY {
            let rotated = format!("# {i}\n{pem}");
            clients.get(&Trust::Bundle { pem: rotated.as_bytes(), secret: "s", key: "k" }, None).unwrap();
            clients.get(&Trust::Insecure, None).unwrap();
        }
        let cached = clients.cached.lock().unwrap();
        assert_eq!(cached.len(), CAPACITY);
        assert!(cached.iter().any(|(key, _)| key.trust == TrustKey::Insecure));
    }

    #[test]
    fn a_bundle_without_a_usable_certificate_is_refused_by_name() {
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "no pem", broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            let error = clients().get(&Trust::Bundle { pem: pem.as_bytes(), secret: "s", key: "k" }, None).unwrap_err();
            assert!(error.to_string().starts_with("key \"k\" of Secret \"s\" "), "{error}");
        }
        let mixed = format!("{broken}{}", certificate().cert.pem());
        assert!(clients().get(&Trust::Bundle { pem: mixed.as_bytes(), secret: "s", key: "k" }, None).is_ok());
    }
}
