//! The handle that tests hold.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::OnceCell;

use crate::accounts::Account;
use crate::audit::AuditLog;
use crate::control_plane::ControlPlane;
use crate::flux::Flux;
use crate::{accounts, apply, background, cluster};

/// Every namespace that a test made has this label, for cleaning up a cluster that outlives the tests.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "flux-externalsource-testbed");

/// A cluster to test against: its own control plane, or the one that `TESTBED_KUBECONFIG` names.
///
/// Clones are the same cluster; an own control plane ends with the last of them.
#[derive(Clone)]
pub struct Testbed {
    inner: Arc<Inner>,
}

struct Inner {
    kubeconfig: PathBuf,
    control_plane: Option<ControlPlane>,
    flux: Flux,
}

impl Testbed {
    /// The testbed of this test process, started by whoever asks first.
    pub async fn shared() -> Result<Self> {
        static SHARED: OnceCell<Result<Testbed, String>> = OnceCell::const_new();
        // A failure is kept too: a hundred tests would not start better than the first one.
        let start = || async { Self::start().await.map_err(|error| format!("{error:#}")) };
        SHARED.get_or_init(start).await.clone().map_err(|error| anyhow!("no testbed: {error}"))
    }

    /// A testbed of its own, for a test that breaks or counts things that others must not see.
    pub async fn start() -> Result<Self> {
        background::run(async {
            if let Some(existing) = env::var_os("TESTBED_KUBECONFIG").filter(|value| !value.is_empty()) {
                let kubeconfig = std::path::absolute(existing).context("TESTBED_KUBECONFIG is not a usable path")?;
                return Ok(Self::new(kubeconfig, None));
            }
            let control_plane = ControlPlane::start().await?;
            Ok(Self::new(control_plane.admin_kubeconfig(), Some(control_plane)))
        })
        .await
    }

    fn new(kubeconfig: PathBuf, control_plane: Option<ControlPlane>) -> Self {
        Self { inner: Arc::new(Inner { kubeconfig, control_plane, flux: Flux::default() }) }
    }

    /// A client with all rights, for the runtime that calls this.
    pub async fn client(&self) -> Result<Client> {
        cluster::client(self.kubeconfig()).await
    }

    /// The kubeconfig file of a user with all rights.
    pub fn kubeconfig(&self) -> &Path {
        &self.inner.kubeconfig
    }

    /// Whether this is a cluster that was there before the tests, and will be after them.
    pub fn is_existing_cluster(&self) -> bool {
        self.inner.control_plane.is_none()
    }

    /// Makes a namespace with a new name and gives the name. It is not removed: an own control plane ends with the run;
    /// elsewhere `kubectl delete ns -l app.kubernetes.io/managed-by=flux-externalsource-testbed` does it.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let labels = [(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned())].into();
        let metadata =
            ObjectMeta { generate_name: Some(format!("{prefix}-")), labels: Some(labels), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        let api: Api<Namespace> = Api::all(self.client().await?);
        let created = api.create(&PostParams::default(), &namespace).await.context("cannot create a namespace")?;
        created.metadata.name.context("the API server made a namespace without a name")
    }

    /// Applies every document of a YAML text, as `kubectl apply --server-side` would; objects without a namespace go to
    /// the one given. Waits until CRDs among them are served, and an own control plane's garbage collector knows them.
    pub async fn apply_yaml(&self, namespace: &str, yaml: &str) -> Result<()> {
        let new_kinds = apply::apply_yaml(&self.client().await?, namespace, yaml).await?;
        match &self.inner.control_plane {
            Some(control_plane) if new_kinds => control_plane.restart_controller_manager().await,
            _ => Ok(()),
        }
    }

    /// Makes a service account with a token and a kubeconfig file of its own. It may do only what RBAC objects, applied
    /// with [`Testbed::apply_yaml`], allow.
    pub async fn account(&self, namespace: &str, name: &str) -> Result<Account> {
        accounts::create(&self.client().await?, self.kubeconfig(), namespace, name).await
    }

    /// What the API server was asked. Only an own control plane has it.
    pub async fn audit_log(&self) -> Result<AuditLog> {
        Ok(AuditLog::new(self.control_plane()?.audit_log(), self.client().await?))
    }

    /// Ends the API server as a crash would. Only for a testbed that no other test uses ([`Testbed::start`]).
    pub async fn stop_api_server(&self) -> Result<()> {
        self.control_plane()?.stop_api_server().await
    }

    /// Starts the API server again, at the same address and with what it knew.
    pub async fn start_api_server(&self) -> Result<()> {
        self.control_plane()?.start_api_server().await
    }

    /// Makes sure that Flux's CRDs are there.
    pub async fn flux_crds(&self) -> Result<()> {
        let this = self.clone();
        background::run(async move { this.inner.flux.crds(&this).await }).await
    }

    /// Makes sure that kustomize-controller runs (and Flux's CRDs are there).
    pub async fn kustomize_controller(&self) -> Result<()> {
        let this = self.clone();
        background::run(async move { this.inner.flux.kustomize_controller(&this).await }).await
    }

    /// Makes sure that helm-controller runs (and Flux's CRDs are there).
    pub async fn helm_controller(&self) -> Result<()> {
        let this = self.clone();
        background::run(async move { this.inner.flux.helm_controller(&this).await }).await
    }

    fn control_plane(&self) -> Result<&ControlPlane> {
        self.inner.control_plane.as_ref().context(
            "this test needs a control plane of its own (its audit log, or to stop it), and the cluster in \
             TESTBED_KUBECONFIG cannot give that: run it without that variable",
        )
    }

    /// The kubeconfig of a user with all rights who is told apart in the audit log, where there is one.
    pub(crate) fn operator_kubeconfig(&self, user: &str) -> Result<PathBuf> {
        match &self.inner.control_plane {
            Some(control_plane) => control_plane.user_kubeconfig(user, &["system:masters"]),
            None => Ok(self.kubeconfig().to_owned()),
        }
    }
}
