//! Measures the garbage collector over many archives in a folder: rounds that find nothing, that remove half of them, and
//! that read all of them; and what serving notices of it. `just bench-collector [KEYS]`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use flux_externalsource::api::ObjectName;
use flux_externalsource::digest::Digest;
use flux_externalsource::pipeline::collect::{
    Claims, CollectSettings, Incomplete, Overseer, Removed, Round, Summary, is_orphan, remove_damaged, remove_orphans,
};
use flux_externalsource::storage::filesystem::{FilesystemSettings, FilesystemStorage};
use flux_externalsource::storage::{ArtifactKey, Integrity, Owner, Presence, Storage, StorageError, StoredArtifact};
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

/// Archives of each source.
const REVISIONS: usize = 2;

/// Sources in each namespace.
const SOURCES: usize = 1000;

/// Bytes of each archive.
const SIZE: usize = 2048;

/// As many as the controller removes at once.
const AT_ONCE: usize = 4;

/// Who knows that these sources exist, and no others.
struct Known {
    storage: Arc<FilesystemStorage>,
    sources: HashSet<ObjectName>,
}

#[async_trait]
impl Overseer for Known {
    async fn is_complete(&self) -> bool {
        true
    }

    fn is_watched(&self, _: &str) -> bool {
        true
    }

    async fn remove_orphans(&self, page: &Arc<[StoredArtifact]>, from: usize) -> Result<(usize, Removed), Incomplete> {
        let now = SystemTime::now();
        let (mut at, mut due) = (from, Vec::new());
        while at < page.len() && due.len() < AT_ONCE {
            let stored = &page[at];
            let has_source = self.sources.contains(stored.key.source());
            let claims = Claims { is_watched: true, has_source, is_named: false };
            if is_orphan(stored, claims, now, Duration::ZERO) {
                due.push(stored.key.clone());
            }
            at += 1;
        }
        let stop = CancellationToken::new();
        let removals = due.into_iter().map(|key| async {
            let mut removed = Removed::default();
            remove_orphans(self.storage.as_ref(), vec![key], &stop, |removal| removed.count(&removal)).await;
            removed
        });
        let mut removed = Removed::default();
        for one in futures::future::join_all(removals).await {
            removed += one;
        }
        Ok((at, removed))
    }

    async fn remove_damaged(&self, key: &ArtifactKey) -> Result<Removed, Incomplete> {
        let mut removed = Removed::default();
        let removal = remove_damaged(self.storage.as_ref(), key.clone(), &CancellationToken::new()).await;
        if let Some(removal) = removal {
            removed.count(&removal);
        }
        Ok(removed)
    }

    fn rebuild(&self, _: &ArtifactKey, _: Integrity) {}

    fn retire(&self, _: &ObjectName) {}

    fn verified(&self, _: Integrity) {}

    fn failed(&self, operation: &'static str, error: &StorageError) {
        eprintln!("{operation}: {error}");
    }
}

fn key(number: usize) -> (ArtifactKey, Vec<u8>) {
    let source = number / REVISIONS;
    let name = ObjectName::new(&format!("team-{:03}", source / SOURCES), &format!("config-{source:06}"));
    let mut content = number.to_le_bytes().to_vec();
    content.resize(SIZE, 0);
    (ArtifactKey::new(name, Digest::of(&content)), content)
}

fn fill(root: &Path, keys: usize) {
    for number in 0..keys {
        let (key, content) = key(number);
        let path = root.join(key.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

async fn open(root: &Path) -> Arc<FilesystemStorage> {
    let owner = Owner { cluster: None, namespace: "bench".into(), release: "bench".into() };
    let settings = FilesystemSettings {
        timeout: std::time::Duration::from_secs(30),
        root: root.to_owned(),
        shared: false,
        base_url: "http://here".into(),
        owner,
        take_over: None,
        holder: "bench".into(),
    };
    Arc::new(FilesystemStorage::open(settings).await.unwrap())
}

/// Downloads one archive over and over until told to stop; how long each took.
async fn download(storage: Arc<FilesystemStorage>, key: ArtifactKey, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let (_, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
        let mut stream = content.into_stream();
        while let Some(chunk) = stream.next().await {
            chunk.unwrap();
        }
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    times
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * percent / 100]
}

/// Seconds that this process computed, and its anonymous memory in MB.
fn usage() -> (f64, f64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or_default();
    ((ticks(11) + ticks(12)) / 100.0, kilobytes / 1024.0)
}

async fn measure(what: &str, known: &Known, verify_period: Duration) -> Summary {
    let storage = Arc::clone(&known.storage);
    let settings =
        CollectSettings { interval: Duration::MAX, stale_after: Duration::ZERO, verify_period, records: REVISIONS };
    let stop = Arc::new(AtomicBool::new(false));
    let serving = tokio::spawn(download(Arc::clone(&storage), key(0).0, Arc::clone(&stop)));
    let ((cpu, memory), begun) = (usage(), Instant::now());
    let mut round = Round::new(SystemTime::now());
    let summary = round.run(storage.as_ref(), &Presence::default(), known, &settings).await.unwrap();
    let (duration, (cpu_after, memory_after)) = (begun.elapsed(), usage());
    stop.store(true, Ordering::Relaxed);
    let mut times = serving.await.unwrap();
    println!(
        "{what:<34} {:>7.2} s  {:>6.2} s CPU  {:>6.1} MB more  download p50 {:>5} µs p99 {:>5} µs  \
         ({} archives, {} removed, {} read)",
        duration.as_secs_f64(),
        cpu_after - cpu,
        memory_after - memory,
        percentile(&mut times, 50).as_micros(),
        percentile(&mut times, 99).as_micros(),
        summary.archives,
        summary.removed.removed,
        summary.verified,
    );
    summary
}

async fn idle(storage: &Arc<FilesystemStorage>) {
    let stop = Arc::new(AtomicBool::new(false));
    let serving = tokio::spawn(download(Arc::clone(storage), key(0).0, Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_secs(2)).await;
    stop.store(true, Ordering::Relaxed);
    let mut times = serving.await.unwrap();
    println!(
        "{:<34} {:>52} download p50 {:>5} µs p99 {:>5} µs",
        "no round",
        "",
        percentile(&mut times, 50).as_micros(),
        percentile(&mut times, 99).as_micros(),
    );
}

fn main() {
    let keys = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{keys} archives of {SIZE} bytes, {REVISIONS} for each source, {SOURCES} sources in a namespace");
    fill(folder.path(), keys);
    runtime.block_on(async {
        let storage = open(folder.path()).await;
        let sources = |wanted: fn(usize) -> bool| {
            (0..keys.div_ceil(REVISIONS))
                .filter(|n| wanted(*n))
                .map(|n| key(n * REVISIONS).0.source().clone())
                .collect()
        };
        let mut known = Known { storage: Arc::clone(&storage), sources: sources(|_| true) };
        idle(&storage).await;
        let nothing = measure("a round that finds nothing", &known, Duration::ZERO).await;
        assert_eq!(nothing.archives as usize, keys);
        let read = measure("a round that reads everything", &known, Duration::from_nanos(1)).await;
        assert_eq!((read.verified as usize, read.unsound), (keys, 0));
        known.sources = sources(|n| n % 2 == 0);
        let removing = measure("a round that removes every other", &known, Duration::ZERO).await;
        assert_eq!(removing.removed.failed, 0);
        let left = measure("the round after it", &known, Duration::ZERO).await;
        assert_eq!((left.archives as usize, left.removed.removed), (keys - removing.removed.removed, 0));
    });
}
