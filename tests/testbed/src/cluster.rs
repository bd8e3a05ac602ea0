//! How clients and kubeconfig files for a cluster are made.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, NamedAuthInfo};
use kube::{Client, Config};
use serde_json::json;

use crate::certificates::Pair;

/// A client for the cluster and the user of a kubeconfig file.
///
/// A client belongs to the runtime that it was made on, so every caller gets one of its own.
pub(crate) async fn client(kubeconfig: &Path) -> Result<Client> {
    let file = read(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("the kubeconfig {} cannot be used", kubeconfig.display()))?;
    Client::try_from(config).context("cannot make a Kubernetes client")
}

/// Writes the kubeconfig of a user with a client certificate; key and certificate are put beside it.
pub(crate) fn write_certificate_kubeconfig(file: &Path, server: &str, ca: &Path, user: &Pair) -> Result<()> {
    let (certificate, key) = (file.with_extension("crt"), file.with_extension("key"));
    write(&certificate, &user.certificate)?;
    write(&key, &user.key)?;
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "testbed", "cluster": {"server": server, "certificate-authority": ca}}],
        "users": [{"name": "user", "user": {"client-certificate": certificate, "client-key": key}}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "user"}}],
        "current-context": "testbed",
    });
    // JSON is YAML, and every reader of kubeconfig files takes it.
    write(file, &kubeconfig.to_string())
}

/// Writes the kubeconfig of a user with a bearer token for the cluster that another kubeconfig names.
pub(crate) fn write_token_kubeconfig(file: &Path, like: &Path, token: &str) -> Result<()> {
    let mut kubeconfig = read(like)?;
    let auth = AuthInfo { token: Some(token.to_owned().into()), ..AuthInfo::default() };
    let current = kubeconfig.current_context.clone().context("the kubeconfig names no current context")?;
    kubeconfig.contexts.retain(|context| context.name == current);
    for context in kubeconfig.contexts.iter_mut().filter_map(|named| named.context.as_mut()) {
        context.user = Some("account".to_owned());
        context.namespace = None;
    }
    let mut user = NamedAuthInfo { name: "account".to_owned(), ..NamedAuthInfo::default() };
    user.auth_info = Some(auth);
    kubeconfig.auth_infos = vec![user];
    write(file, &serde_json::to_string(&kubeconfig).context("cannot serialize a kubeconfig")?)
}

pub(crate) fn write(file: &Path, content: &str) -> Result<()> {
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

fn read(kubeconfig: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(kubeconfig).with_context(|| format!("cannot read the kubeconfig {}", kubeconfig.display()))
}
