//! Service accounts with tokens: how a program under test gets exactly the rights it will have in a cluster.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client};

use crate::{cluster, run_dir};

/// A service account and what is needed to act as it.
#[derive(Debug, Clone)]
pub struct Account {
    /// `system:serviceaccount:<namespace>:<name>`, as RBAC and the audit log call it.
    pub user: String,
    /// A token that is valid for a day.
    pub token: String,
    /// A kubeconfig file with the token.
    pub kubeconfig: PathBuf,
}

impl Account {
    /// A client that acts as the account, for the runtime that calls this.
    pub async fn client(&self) -> Result<Client> {
        cluster::client(&self.kubeconfig).await
    }
}

/// Makes the account if it is not there, and a new token.
pub(crate) async fn create(client: &Client, like: &Path, namespace: &str, name: &str) -> Result<Account> {
    let what = || format!("service account {namespace}/{name}");
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let account = ServiceAccount { metadata, ..ServiceAccount::default() };
    let params = PatchParams::apply("testbed");
    api.patch(name, &params, &Patch::Apply(&account)).await.with_context(|| format!("cannot make {}", what()))?;
    let spec = TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec, ..TokenRequest::default() };
    let answer = api
        .create_token_request(name, &PostParams::default(), &request)
        .await
        .with_context(|| format!("cannot get a token for {}", what()))?;
    let token = answer.status.with_context(|| format!("no token for {}", what()))?.token;
    let kubeconfig = run_dir::subfolder("account")?.join("kubeconfig");
    cluster::write_token_kubeconfig(&kubeconfig, like, &token)?;
    Ok(Account { user: format!("system:serviceaccount:{namespace}:{name}"), token, kubeconfig })
}
