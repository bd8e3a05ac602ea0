//! The storage that the settings ask for, with what every kind has around it: its outages are told, and whatever is not
//! in memory anyway has copies beside it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use crate::config::{SpoolSettings, StorageBackend, StorageSettings};
use crate::pipeline::collect::CollectSettings;
use crate::spool::Spools;
use crate::storage::cache::Cached;
use crate::storage::filesystem::{FilesystemSettings, FilesystemStorage};
use crate::storage::memory::{MemorySettings, MemoryStorage};
use crate::storage::retention::RetentionSettings;
use crate::storage::s3::{BucketSettings, S3Settings, S3Storage, Serve};
use crate::storage::{Presence, Scope, Storage};
use crate::telemetry::outages::Outages;
use crate::telemetry::storage::Reported;

/// Wait between two attempts to reach the storage.
const REACH_PERIOD: Duration = Duration::from_secs(1);

/// The storage with what is known of it.
pub struct Stored {
    pub storage: Arc<dyn Storage>,
    pub presence: Arc<Presence>,
    pub retention: RetentionSettings,
    pub collect: CollectSettings,
    pub outages: Arc<Outages>,
}

impl Stored {
    pub async fn open(settings: &StorageSettings, spool: &SpoolSettings) -> anyhow::Result<Self> {
        let presence = Arc::new(Presence::default());
        let outages = Arc::new(Outages::default());
        let reported = |backend: Arc<dyn Storage>| Arc::new(Reported::new(backend, Arc::clone(&outages)));
        let cached = |backend: Arc<dyn Storage>| {
            let spools = Spools::new(spool.memory_limit, &spool.directory);
            Arc::new(Cached::new(reported(backend), settings.cache, &spools, Arc::clone(&presence)))
        };
        let storage: Arc<dyn Storage> = match &settings.backend {
            StorageBackend::Memory { capacity } => reported(memory(settings, *capacity, &presence)),
            StorageBackend::Pvc { path, shared, timeout, take_over } => {
                cached(volume(settings, path, (*shared, *timeout), take_over.clone()).await?)
            }
            StorageBackend::S3 { bucket: to, serve, take_over } => {
                cached(bucket(settings, to.as_ref().clone(), *serve, take_over.clone()).await?)
            }
        };
        let retention = RetentionSettings { ttl: settings.retention_ttl, records: settings.retention_records };
        Ok(Self { storage, presence, retention, collect: settings.collect, outages })
    }
}

fn memory(settings: &StorageSettings, capacity: u64, presence: &Arc<Presence>) -> Arc<dyn Storage> {
    let memory = MemorySettings { capacity, base_url: settings.base_url.clone() };
    Arc::new(MemoryStorage::new(memory, Arc::clone(presence)))
}

async fn volume(
    settings: &StorageSettings,
    path: &Path,
    (shared, timeout): (bool, Duration),
    take_over: Option<String>,
) -> anyhow::Result<Arc<dyn Storage>> {
    let since = httpdate::fmt_http_date(SystemTime::now());
    let volume = FilesystemSettings {
        root: path.to_owned(),
        shared,
        base_url: settings.base_url.clone(),
        owner: settings.owner.clone(),
        take_over,
        holder: format!("{}, process {}, since {since}", settings.writer, std::process::id()),
        timeout,
    };
    Ok(Arc::new(FilesystemStorage::open(volume).await.context("PVC_STORAGE_PATH cannot be used")?))
}

async fn bucket(
    settings: &StorageSettings,
    bucket: BucketSettings,
    serve: Serve,
    take_over: Option<String>,
) -> anyhow::Result<Arc<dyn Storage>> {
    let (base_url, owner) = (settings.base_url.clone(), settings.owner.clone());
    let bucket = S3Settings { bucket, serve, base_url, owner, take_over };
    Ok(Arc::new(S3Storage::open(bucket).await.context("S3_BUCKET cannot be used")?))
}

/// Asks the storage anything at all until it answers: a server that is away when this process starts comes back.
pub async fn reach(storage: Arc<dyn Storage>) {
    let mut said = None;
    while let Err(error) = storage.list(Scope::All, None).await {
        let text = error.to_string();
        if said.as_ref() != Some(&text) {
            tracing::warn!(%error, "the storage cannot be reached");
            said = Some(text);
        }
        tokio::time::sleep(REACH_PERIOD).await;
    }
}
