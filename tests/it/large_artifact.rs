//! Artifacts of 100 MB pass through a controller that keeps next to nothing of them in memory.

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::StreamExt as _;
use tempfile::TempDir;
use testbed::s3::Kind;
use testbed::{Origin, Reply, S3Server, archive, document};

use crate::harness::{Controller, Options, Sources, http_source, in_bucket, testbed};

/// Bytes of a body.
const SIZE: usize = 100_000_000;

/// Bytes of anonymous memory that an artifact may cost at any moment.
const ALLOWED: u64 = 48 << 20;

#[tokio::test]
async fn a_document_costs_little_memory_from_fetch_to_serve() -> Result<()> {
    let volume = tempfile::tempdir()?;
    costs_little_memory("document", document::json(SIZE, 1).into(), on_volume(&volume)).await
}

#[tokio::test]
async fn what_nothing_shrinks_costs_little_memory_from_fetch_to_serve() -> Result<()> {
    let volume = tempfile::tempdir()?;
    costs_little_memory("noise", document::noise(SIZE, 1).into(), on_volume(&volume)).await
}

#[tokio::test]
async fn what_nothing_shrinks_costs_little_memory_in_a_bucket_too() -> Result<()> {
    let server = S3Server::start(Kind::Minio).await?;
    let bucket = server.bucket()?;
    costs_little_memory("noise", document::noise(SIZE, 2).into(), in_bucket(&server, &bucket)).await
}

fn on_volume(volume: &TempDir) -> Options {
    let path = volume.path().display().to_string();
    Options::default().with("STORAGE_BACKEND", "pvc").with("PVC_STORAGE_PATH", path)
}

async fn costs_little_memory(name: &str, body: Bytes, options: Options) -> Result<()> {
    let testbed = testbed().await?;
    let namespace = testbed.namespace("large").await?;
    let (spool, origin) = (tempfile::tempdir()?, Origin::start().await?);
    let options = options.with("SPOOL_DIR", spool.path().display().to_string());
    let controller = Controller::start_with(&testbed, &namespace, options).await?;
    let sources = Sources::of(&testbed, &namespace).await?;
    origin.on("/small", Reply::ok("small"));
    sources.apply("small", &http_source(&origin.url("/small"))).await?;
    sources.wait_ready("small").await?;

    let memory = Peak::watch(controller.process.pid())?;
    origin.on("/large", Reply::ok(body.clone()));
    sources.apply(name, &http_source(&origin.url("/large"))).await?;
    sources.wait_ready(name).await?;
    let made = memory.so_far();
    let advertised = sources.advertised(name).await?;
    // Several at once, each in pieces: what a consumer reads slowly must not be held for it.
    let downloads = futures::future::try_join_all((0..4).map(|_| download(&advertised.url))).await?;
    let most = memory.end()?;

    for bytes in downloads {
        ensure!(archive::digest(&bytes) == advertised.digest, "what is served has another digest");
        ensure!(content(&bytes)? == body, "what is served is not what the origin sent");
    }
    ensure!(made <= most && most < ALLOWED, "{made} bytes more until it was stored, {most} until it was served");
    Ok(())
}

async fn download(url: &str) -> Result<Vec<u8>> {
    let mut pieces = reqwest::get(url).await?.error_for_status()?.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
    }
    Ok(bytes)
}

/// The content of the one file in a tar.gz.
fn content(archive: &[u8]) -> Result<Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut bytes = Vec::with_capacity(SIZE);
    archive.entries()?.next().context("nothing is in it")??.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Watches what is added to a process's anonymous memory.
struct Peak {
    before: u64,
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    watcher: JoinHandle<Result<()>>,
}

impl Peak {
    /// From now on, on a thread of its own: the runtime is busy.
    fn watch(pid: u32) -> Result<Self> {
        let before = anonymous(pid)?;
        let (most, is_over) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
        let watcher = thread::spawn({
            let (most, is_over) = (Arc::clone(&most), Arc::clone(&is_over));
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    most.fetch_max(anonymous(pid)?, Ordering::Relaxed);
                    thread::park_timeout(Duration::from_millis(2));
                }
                Ok(())
            }
        });
        Ok(Self { before, most, is_over, watcher })
    }

    /// The most so far.
    fn so_far(&self) -> u64 {
        self.most.load(Ordering::Relaxed) - self.before
    }

    /// The most until now; an error if it could not be read all the time.
    fn end(self) -> Result<u64> {
        let most = self.so_far();
        self.is_over.store(true, Ordering::Relaxed);
        self.watcher.join().ok().context("the watcher crashed")??;
        Ok(most)
    }
}

/// Bytes of a process's anonymous memory.
fn anonymous(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the controller is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().context("no number")?;
    Ok(kibibytes * 1024)
}
