//! One large document: from the answer to its source's creation to Ready, and the same for a change, on each storage
//! that needs nothing but this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use flux_externalsource::api::{ExternalArtifact, ExternalSource, REQUESTED_AT, conditions};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use testbed::{Reply, document};

use crate::bed::{Bed, path};
use crate::usage::{self, Memory};
use crate::{Size, fleet, latency};

/// What one document took.
struct Took {
    elapsed: Duration,
    /// The controller's processor time.
    cpu: Duration,
    /// What was added to its anonymous memory at most, in KiB.
    memory: u64,
}

/// Measures and prints.
pub async fn run(megabytes: usize, size: &Size) -> Result<()> {
    let bed = Bed::start(0).await?;
    println!("{megabytes} MB of JSON, to Ready; load {}", usage::load()?);
    for backend in ["memory", "pvc"] {
        let folder = tempfile::tempdir()?;
        let mut size = size.clone();
        size.settings.extend([
            ("STORAGE_BACKEND".to_owned(), backend.to_owned()),
            ("PVC_STORAGE_PATH".to_owned(), folder.path().display().to_string()),
            ("MEMORY_STORAGE_CAPACITY".to_owned(), "4Gi".to_owned()),
        ]);
        let namespace = bed.testbed.namespace(backend).await?;
        let controller = bed.controller(&[&namespace], &size).await?;
        let (mut created, mut changed) = (Vec::new(), Vec::new());
        for round in 0..size.rounds {
            let scene = Scene { bed: &bed, pid: controller.pid(), namespace: &namespace, round };
            scene.publish(megabytes, 2 * round);
            created.push(scene.create().await?);
            scene.publish(megabytes, 2 * round + 1);
            changed.push(scene.change().await?);
            scene.remove().await?;
        }
        print(backend, "new", created);
        print(backend, "changed", changed);
    }
    Ok(())
}

fn print(backend: &str, what: &str, mut rounds: Vec<Took>) {
    rounds.sort_unstable_by_key(|took| took.elapsed);
    let Some(best) = rounds.first() else { return };
    let median = rounds[rounds.len() / 2].elapsed;
    let memory = rounds.iter().map(|took| took.memory).max().unwrap_or_default();
    println!(
        "{backend:8} {what:8} {:.2} s at best, {:.2} s in the median; {:.2} s of processor time; {} MB more anonymous memory",
        best.elapsed.as_secs_f64(),
        median.as_secs_f64(),
        rounds.iter().map(|took| took.cpu).min().unwrap_or_default().as_secs_f64(),
        memory * 1024 / 1_000_000,
    );
}

struct Scene<'a> {
    bed: &'a Bed,
    pid: u32,
    namespace: &'a str,
    round: usize,
}

impl Scene<'_> {
    fn publish(&self, megabytes: usize, version: usize) {
        let body = document::json(megabytes * 1_000_000, version as u64);
        let reply = Reply::ok(body).header("content-type", "application/json").etag(&format!("\"{version}\""));
        self.bed.origin.on(&path(self.round), reply);
    }

    async fn api(&self) -> Result<Api<ExternalSource>> {
        Ok(Api::namespaced(self.bed.testbed.client().await?, self.namespace))
    }

    async fn create(&self) -> Result<Took> {
        let (api, name) = (self.api().await?, fleet::name(self.round));
        let mut object = fleet::source(self.bed, self.namespace, self.round, "10m")?;
        object.spec.destination_path = Some("data.json".to_owned());
        let is_ready = |source: &ExternalSource| {
            let status = source.status.as_ref();
            let ready = status.is_some_and(|it| conditions::is_true(&it.conditions, conditions::types::READY));
            (source.name_any(), ready)
        };
        let mut seen = latency::watch(&api, is_ready).await?;
        self.measure(async || {
            api.create(&PostParams::default(), &object).await?;
            let start = Instant::now();
            Ok(latency::until(&mut seen, &name, |ready| *ready).await?.duration_since(start))
        })
        .await
    }

    async fn change(&self) -> Result<Took> {
        let (api, name) = (self.api().await?, fleet::name(self.round));
        let artifacts: Api<ExternalArtifact> = Api::namespaced(self.bed.testbed.client().await?, self.namespace);
        let before = latency::advertised(&artifacts.get(&name).await?).1;
        let mut seen = latency::watch(&artifacts, latency::advertised).await?;
        self.measure(async || {
            let patch = Patch::Merge(json!({"metadata": {"annotations": {REQUESTED_AT: "now"}}}));
            api.patch(&name, &PatchParams::default(), &patch).await?;
            let start = Instant::now();
            Ok(latency::until(&mut seen, &name, |now| *now != before).await?.duration_since(start))
        })
        .await
    }

    async fn remove(&self) -> Result<()> {
        self.api().await?.delete(&fleet::name(self.round), &DeleteParams::default()).await?;
        Ok(())
    }

    async fn measure(&self, work: impl AsyncFnOnce() -> Result<Duration>) -> Result<Took> {
        let (before, cpu) = (usage::settled(self.pid).await?.anonymous, usage::cpu(self.pid)?);
        let (peak, over) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
        let sampler = sample(self.pid, Arc::clone(&peak), Arc::clone(&over));
        let elapsed = work().await;
        over.store(true, Ordering::Relaxed);
        sampler.join().ok().context("the sampler crashed")?;
        let memory = peak.load(Ordering::Relaxed) - before;
        Ok(Took { elapsed: elapsed?, cpu: usage::cpu(self.pid)?.saturating_sub(cpu), memory })
    }
}

/// Notes the most anonymous memory until `over`; on a thread, as the runtime is busy with the document.
fn sample(pid: u32, peak: Arc<AtomicU64>, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            if let Ok(memory) = Memory::of(pid) {
                peak.fetch_max(memory.anonymous, Ordering::Relaxed);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    })
}
