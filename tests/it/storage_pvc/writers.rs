//! Two controllers, one volume.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt as _};

use super::Scene;
use crate::harness::{Controller, Options, SOON};

impl Scene {
    /// Starts a controller that ends at once because of its storage; gives what it said.
    async fn refused(&self, options: Options) -> Result<String> {
        Controller::refused(&self.testbed, &self.sources.namespace, options).await
    }
}

#[tokio::test]
async fn a_second_controller_on_the_same_volume_is_told_who_the_first_one_is() -> Result<()> {
    let scene = Scene::new("second").await?;
    let first = scene.start().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    let elsewhere = testbed::free_port()?.to_string();
    let log = scene.refused(scene.options().with("ARTIFACT_SERVER_PORT", elsewhere)).await?;
    let holder = format!("pod flux-system/test-{}, process {}", scene.sources.namespace, first.process.pid());
    ensure!(log.contains(&holder), "{log}");
    scene.ensure_served("config", "x").await?;
    // A container that is started again finds the lock free, however its predecessor ended.
    first.process.kill().await?;
    scene.start().await?;
    Ok(())
}

#[tokio::test]
async fn another_clusters_volume_is_refused_until_it_is_taken_over_by_name() -> Result<()> {
    let scene = Scene::new("foreign").await?;
    let controller = scene.start().await?;
    scene.create("config", "x").await?;
    scene.sources.wait_ready("config").await?;
    controller.process.terminate(SOON).await?;

    let namespaces: Api<Namespace> = Api::all(scene.testbed.client().await?);
    let uid = namespaces.get("kube-system").await?.uid().unwrap_or_default();
    let owner = format!("{uid}/flux-system/flux-externalsource-controller");
    let other = || scene.options().with("CLUSTER_ID", "another");
    let log = scene.refused(other()).await?;
    ensure!(log.contains(&owner) && log.contains("cluster another"), "{log}");
    let log = scene.refused(scene.options().with("RELEASE_NAME", "another")).await?;
    ensure!(log.contains(&owner), "{log}");

    let controller = scene.start_with(other().with("STORAGE_TAKE_OVER", owner)).await?;
    scene.ensure_served("config", "x").await?;
    controller.process.terminate(SOON).await?;
    scene.refused(scene.options()).await.map(drop)
}
