//! Controllers that are killed at any moment while they publish without a pause: what is advertised at that moment is
//! stored, whole, and garbage does not outlive the collector.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::Artifact;
use testbed::{Origin, Reply, Testbed, archive, eventually};

use crate::harness::{Controller, Options, SOON, Sources, config_map, http_source, testbed};

/// Sources that change with every request.
const NAMES: [&str; 3] = ["one", "two", "three"];

/// How many kills a test makes: enough to meet every step now and then; `just torture` sets more.
pub fn kills() -> usize {
    std::env::var("TORTURE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(40)
}

/// What the controllers store in, looked at without them.
pub trait Vault {
    /// Settings of the controllers.
    fn options(&self) -> Options;

    /// The bytes of what is advertised; fails when they are not there.
    async fn read(&self, artifact: &Artifact) -> Result<Vec<u8>>;

    /// Everything that lies in the storage and belongs to no complete archive.
    async fn unfinished(&self) -> Result<Vec<String>>;

    /// How many archives there are.
    async fn archives(&self) -> Result<usize>;
}

/// Asks all sources for runs, one after the other, until it is dropped.
struct Requests(tokio::task::JoinHandle<()>);

impl Requests {
    fn begin(sources: Sources) -> Self {
        Self(tokio::spawn(async move {
            for number in 0_u64.. {
                for name in NAMES {
                    // One that is lost is followed by the next.
                    let _ = sources.request(name, &number.to_string()).await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }))
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Kills so many controllers over `vault`.
pub async fn torture(prefix: &str, vault: &impl Vault, kills: usize) -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace(prefix).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    let origin = Origin::start().await?;
    let changing = Arc::new(AtomicBool::new(true));
    let count = Arc::new(AtomicU64::new(0));
    for name in NAMES {
        let path = format!("/{name}.yaml");
        let (changing, count) = (Arc::clone(&changing), Arc::clone(&count));
        origin.on_request(&path, move |_| {
            let number = count.fetch_add(u64::from(changing.load(Ordering::SeqCst)), Ordering::SeqCst);
            Reply::ok(config_map(&number.to_string()))
        });
        sources.apply(name, &http_source(&origin.url(&path))).await?;
    }
    let requests = Requests::begin(sources.clone());
    let mut random = fastrand::Rng::with_seed(7);
    for kill in 0..kills {
        let victim = Controller::spawn(&testbed, &namespace, vault.options()).await?;
        let before = advertised(&sources).await?;
        let publishes = async || {
            let now = advertised(&sources).await?;
            ensure!(now != before, "nothing new is advertised");
            Ok(())
        };
        eventually("a publication", SOON, publishes).await.with_context(|| victim.process.log_tail())?;
        tokio::time::sleep(Duration::from_micros(random.u64(0..60_000))).await;
        victim.process.kill().await?;
        ensure_whole(&sources, vault).await.with_context(|| format!("kill {kill}: {}", victim.process.log_tail()))?;
    }
    drop(requests);
    changing.store(false, Ordering::SeqCst);
    ensure_tidy(&testbed, &sources, vault).await
}

async fn advertised(sources: &Sources) -> Result<Vec<Artifact>> {
    let mut all = Vec::new();
    for name in NAMES {
        // Before the first publication there is none.
        let object = sources.artifacts.get_opt(name).await?;
        all.extend(object.and_then(|object| object.status).and_then(|status| status.artifact));
    }
    Ok(all)
}

async fn ensure_whole(sources: &Sources, vault: &impl Vault) -> Result<()> {
    for artifact in advertised(sources).await? {
        let bytes = vault.read(&artifact).await.with_context(|| format!("{} is missing", artifact.path))?;
        ensure!(archive::digest(&bytes) == artifact.digest, "{} is damaged", artifact.path);
    }
    Ok(())
}

/// A last controller, left in peace: one archive of each source remains, and nothing else.
async fn ensure_tidy(testbed: &Testbed, sources: &Sources, vault: &impl Vault) -> Result<()> {
    let options = vault
        .options()
        .with("STORAGE_STALE_AFTER", "1s")
        .with("STORAGE_COLLECT_INTERVAL", "1s")
        .with("ARTIFACT_RETENTION_TTL", "1s")
        .with("ARTIFACT_RETENTION_RECORDS", "1");
    let controller = Controller::start_with(testbed, &sources.namespace, options).await?;
    let tidy = async || {
        let (unfinished, archives) = (vault.unfinished().await?, vault.archives().await?);
        ensure!(unfinished.is_empty(), "unfinished: {unfinished:?}");
        ensure!(archives == NAMES.len(), "{archives} archives");
        ensure_whole(sources, vault).await
    };
    eventually("garbage to be gone", SOON, tidy).await.with_context(|| controller.process.log_tail())
}
