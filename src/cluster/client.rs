//! The connection: which API server, as whom, and through what kind of client.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::BoxError;
use tower::util::MapFutureLayer;

use super::errors::with_causes;

/// Longest wait for a TCP connection: retransmissions of a lost SYN come after 1 s and 3 s.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Longest wait for the head of any answer. Watches and lists have no other limit at their start: kube looks for
/// silence only once the answer has begun. Above the limit of single calls, so that those tell their own story.
const HEAD_LIMIT: Duration = Duration::from_secs(30);

/// Longest wait for the name of the API server, which is asked for once, at the start.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

/// Why there is no client. That the API server cannot be reached is none of these: it may come.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The named kubeconfig file cannot be used.
    #[error("cannot use the kubeconfig {path}: {message}", path = .path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The cause.
        message: String,
    },
    /// Neither a Pod's service account nor a default kubeconfig could be used.
    #[error("not in a cluster ({in_cluster}), and no usable kubeconfig: {kubeconfig}")]
    NoConfiguration {
        /// Why there is no in-cluster configuration.
        in_cluster: String,
        /// Why there is no kubeconfig.
        kubeconfig: String,
    },
    /// The lease's durations could let two replicas write at once, or would never be kept.
    #[error("the lease needs retry period < renew deadline < duration")]
    Lease,
    /// The configuration was read, and no client can be made of it.
    #[error("the cluster's configuration cannot be used: {0}")]
    Client(String),
}

/// The configuration from this kubeconfig; in-cluster, then from the default files, when `None`.
pub(super) async fn load(kubeconfig: Option<PathBuf>) -> Result<Config, ConnectError> {
    let config = match kubeconfig {
        Some(path) => {
            from_file(&path).await.map_err(|error| ConnectError::Kubeconfig { path, message: tell(&error) })?
        }
        None => match Config::incluster_env() {
            Ok(config) => config,
            Err(in_cluster) => Config::from_kubeconfig(&KubeConfigOptions::default()).await.map_err(|kubeconfig| {
                let in_cluster = with_causes(&in_cluster);
                ConnectError::NoConfiguration { in_cluster, kubeconfig: tell(&kubeconfig) }
            })?,
        },
    };
    Ok(ours(config))
}

async fn from_file(path: &PathBuf) -> Result<Config, KubeconfigError> {
    Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default()).await
}

/// A parser's message may quote the line with the token.
fn tell(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is no kubeconfig in YAML".into(),
        other => with_causes(other),
    }
}

fn ours(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_LIMIT);
    // kube's own retries are silent, up to 15, and know nothing of a fence: the callers retry, with backoff.
    config.default_retry = false;
    // A proxy for the outside world does not reach what listens here; Go's clients never send loopback there.
    if is_loopback(&config) && proxy_is_from_environment(&config) {
        config.proxy_url = None;
    }
    config
}

fn is_loopback(config: &Config) -> bool {
    let host = host_of(config);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn proxy_is_from_environment(config: &Config) -> bool {
    let variables = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
    let values = variables.iter().filter_map(|name| std::env::var(name).ok()?.parse::<http::Uri>().ok());
    config.proxy_url.is_some() && values.into_iter().any(|value| Some(value) == config.proxy_url)
}

/// The API server's host; an IPv6 address without its brackets.
fn host_of(config: &Config) -> &str {
    config.cluster_url.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// A client of this API server. It speaks HTTP/1.1 over as many connections as there are calls at once; hyper keeps
/// the idle ones for 90 s without a limit on their number.
pub(super) fn build(config: Config) -> Result<Client, ConnectError> {
    let builder = ClientBuilder::try_from(config).map_err(|error| ConnectError::Client(with_causes(&error)))?;
    let head_limit = MapFutureLayer::new(|answer| async move {
        match tokio::time::timeout(HEAD_LIMIT, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(BoxError::from("no answer within 30 s")),
        }
    });
    Ok(builder.with_layer(&head_limit).build())
}

/// The addresses under which the API server is known here: what the configuration names, and what a Pod is told.
pub(super) async fn addresses(config: &Config) -> Vec<IpAddr> {
    let from_environment = std::env::var("KUBERNETES_SERVICE_HOST").unwrap_or_default();
    let mut addresses = resolve(host_of(config)).await;
    addresses.extend(resolve(from_environment.trim_matches(['[', ']'])).await);
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

async fn resolve(host: &str) -> Vec<IpAddr> {
    if let Ok(address) = host.parse() {
        return vec![address];
    }
    if host.is_empty() {
        return Vec::new();
    }
    if let Ok(Ok(found)) = tokio::time::timeout(RESOLVE_LIMIT, tokio::net::lookup_host((host, 0))).await {
        return found.map(|address| address.ip()).collect();
    }
    tracing::warn!(host, "the API server's name does not resolve; its address is not kept from generators");
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: 'https://[::1]:6443'}}]
users: [{name: u, user: {token: hunter2}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
";

    async fn load_text(text: &str) -> Result<Config, ConnectError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(Some(file.path().to_owned())).await
    }

    #[tokio::test]
    async fn a_kubeconfig_gives_a_client_that_does_not_retry_by_itself() {
        let config = load_text(KUBECONFIG).await.unwrap();
        assert!(!config.default_retry);
        assert_eq!(config.connect_timeout, Some(CONNECT_LIMIT));
        let addresses = addresses(&config).await;
        assert!(addresses.contains(&"::1".parse().unwrap()), "{addresses:?}");
        assert!(build(config).is_ok());
    }

    #[tokio::test]
    async fn an_unreadable_kubeconfig_is_named_without_its_content() {
        let missing = load(Some("/nonexistent/kubeconfig".into())).await.unwrap_err().to_string();
        assert!(missing.contains("/nonexistent/kubeconfig"), "{missing}");
        let broken = load_text(&KUBECONFIG.replace("clusters: [", "clusters: [hunter2: hunter2")).await;
        let broken = broken.unwrap_err().to_string();
        assert!(broken.contains("no kubeconfig") && !broken.contains("hunter2"), "{broken}");
    }
}
