//! Flux's CRDs and controllers, started once per testbed when the first test asks.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use tokio::sync::OnceCell;

use crate::process::{Process, ProcessBuilder};
use crate::run_dir;
use crate::testbed::Testbed;
use crate::tools::{self, Module};

const NAMESPACE: &str = "flux-system";
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// What of Flux is there already.
#[derive(Default)]
pub(crate) struct Flux {
    crds: OnceCell<()>,
    kustomize_controller: OnceCell<Process>,
    helm_controller: OnceCell<Process>,
}

impl Flux {
    /// Applies source-controller's CRDs: `ExternalArtifact` and the other sources.
    pub async fn crds(&self, testbed: &Testbed) -> Result<()> {
        self.crds.get_or_try_init(|| install_crds(testbed, &tools::SOURCE_CONTROLLER)).await.copied()
    }

    /// Starts kustomize-controller.
    pub async fn kustomize_controller(&self, testbed: &Testbed) -> Result<()> {
        self.crds(testbed).await?;
        let start = || start(testbed, &tools::KUSTOMIZE_CONTROLLER);
        self.kustomize_controller.get_or_try_init(start).await.map(drop)
    }

    /// Starts helm-controller.
    pub async fn helm_controller(&self, testbed: &Testbed) -> Result<()> {
        self.crds(testbed).await?;
        let start = || start(testbed, &tools::HELM_CONTROLLER);
        self.helm_controller.get_or_try_init(start).await.map(drop)
    }
}

async fn install_crds(testbed: &Testbed, module: &'static Module) -> Result<()> {
    let mut manifests = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}}}\n");
    for file in tools::ensure(module).await?.crds()? {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        manifests.push_str("\n---\n");
        manifests.push_str(&text);
    }
    testbed
        .apply_yaml(NAMESPACE, &manifests)
        .await
        .with_context(|| format!("cannot install the CRDs of {}", module.name))
}

async fn start(testbed: &Testbed, module: &'static Module) -> Result<Process> {
    refuse_second(testbed, module.name).await?;
    install_crds(testbed, module).await?;
    // Charts and archives are unpacked here; removed with the other data of the run.
    let temporary = run_dir::subfolder(module.name)?.join(run_dir::DATA);
    fs::create_dir(&temporary).with_context(|| format!("cannot create {}", temporary.display()))?;
    let process = ProcessBuilder::new(module.name, tools::ensure(module).await?.program(module.name))
        .env("RUNTIME_NAMESPACE", NAMESPACE)
        .env("KUBECONFIG", testbed.operator_kubeconfig(module.name)?)
        .env("TMPDIR", &temporary)
        .env("HOME", &temporary)
        .arg("--feature-gates=ExternalArtifact=true")
        .arg("--watch-all-namespaces")
        // What depends on something that is not ready looks again after this time, 30 s by default.
        .arg("--requeue-dependency=1s")
        // Nobody asks them, so no port has to be known: none for metrics, any for health.
        .args(["--metrics-addr=0", "--health-addr=127.0.0.1:0"])
        .spawn()?;
    process.until_logged("Starting workers", STARTS_WITHIN).await?;
    Ok(process)
}

/// Two controllers would reconcile the same objects, and the one inside an existing cluster cannot reach 127.0.0.1.
async fn refuse_second(testbed: &Testbed, name: &str) -> Result<()> {
    if !testbed.is_existing_cluster() {
        return Ok(());
    }
    let deployments: Api<Deployment> = Api::namespaced(testbed.client().await?, NAMESPACE);
    let replicas = deployments.get_opt(name).await?.and_then(|found| found.spec?.replicas).unwrap_or_default();
    ensure!(
        replicas == 0,
        "the cluster in TESTBED_KUBECONFIG runs a {name} that cannot fetch from the tests' origins on 127.0.0.1: \
         `kubectl -n {NAMESPACE} scale deployment {name} --replicas=0`, and the tests start their own"
    );
    Ok(())
}
