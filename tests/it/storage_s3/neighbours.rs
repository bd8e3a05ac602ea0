//! Two installations, one bucket.

use anyhow::{Result, ensure};
use flux_externalsource::api::ObjectName;
use flux_externalsource::spool::Spools;
use flux_externalsource::storage::s3::S3Storage;
use flux_externalsource::storage::{ArtifactKey, Storage as _};
use testbed::eventually;
use testbed::s3::Kind;

use super::{Scene, path};
use crate::harness::{Controller, Options, SOON, Sources, http_source, whole_round};

/// One begins as the other does.
const PREFIXES: [&str; 2] = ["flux", "flux-two"];

/// Stores an archive of a source that does not exist.
async fn orphan(storage: &S3Storage, namespace: &str) -> Result<ArtifactKey> {
    let content = Spools::from_bytes("nobody's");
    let key = ArtifactKey::new(ObjectName::new(namespace, "gone"), content.digest());
    storage.lead(true).await?;
    storage.store(&key, &content).await?;
    Ok(key)
}

async fn wait_until_gone(storage: &S3Storage, key: &ArtifactKey) -> Result<()> {
    eventually("the orphan to be gone", SOON, async || {
        ensure!(storage.stat(key).await?.is_none(), "{key} is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn installations_with_prefixes_of_their_own_leave_each_other_alone() -> Result<()> {
    let scene = Scene::new("s3-first", Kind::Minio).await?;
    let namespace = scene.testbed.namespace("s3-second").await?;
    let others = Sources::of(&scene.testbed, &namespace).await?;
    let collecting = |prefix: &str| -> Options {
        let options = scene.options().with("S3_PREFIX", prefix);
        options.with("STORAGE_COLLECT_INTERVAL", "200ms").with("STORAGE_STALE_AFTER", "0s")
    };
    let (first, second) = (scene.storage_below(PREFIXES[0]).await?, scene.storage_below(PREFIXES[1]).await?);
    // Of either namespace below either prefix: one of the four is each installation's business.
    let [ours, theirs] = [&scene.sources.namespace, &others.namespace];
    let (in_first, foreign_in_first) = (orphan(&first, ours).await?, orphan(&first, theirs).await?);
    let (foreign_in_second, in_second) = (orphan(&second, ours).await?, orphan(&second, theirs).await?);

    let controller = scene.start_with(collecting(PREFIXES[0])).await?;
    scene.create("config", "of the first").await?;
    scene.sources.wait_ready("config").await?;
    wait_until_gone(&first, &in_first).await?;
    whole_round(&controller, "done").await?;
    for (storage, key) in [(&first, &foreign_in_first), (&second, &foreign_in_second), (&second, &in_second)] {
        ensure!(storage.stat(key).await?.is_some(), "the first one removed {key}");
    }
    controller.process.kill().await?;

    let controller = Controller::start_with(&scene.testbed, theirs, collecting(PREFIXES[1])).await?;
    others.apply("config", &http_source(&scene.origin.url(&path("config")))).await?;
    others.wait_ready("config").await?;
    wait_until_gone(&second, &in_second).await?;
    whole_round(&controller, "done").await?;
    for (storage, key) in [(&first, &foreign_in_first), (&second, &foreign_in_second)] {
        ensure!(storage.stat(key).await?.is_some(), "the second one removed {key}");
    }
    let advertised = scene.sources.advertised("config").await?.path.parse()?;
    ensure!(first.stat(&advertised).await?.is_some(), "the second one removed what the first one advertises");
    Ok(())
}
