//! What every way to run is made of: storage, generators, spools, and the context that the actors share.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use crate::activity::Activities;
use crate::actors::context::{Context, Pools, Settings};
use crate::catalog::Catalog;
use crate::config::{LogSettings, RunSettings, StorageBackend, StorageSettings};
use crate::generators::Registry;
use crate::generators::http::HttpGenerator;
use crate::hooks::Executor;
use crate::pipeline::fetch::Fetcher;
use crate::spool::Spools;
use crate::storage::filesystem::{FilesystemSettings, FilesystemStorage};
use crate::storage::memory::{MemorySettings, MemoryStorage};
use crate::storage::retention::RetentionSettings;
use crate::storage::s3::{S3Settings, S3Storage};
use crate::storage::{Presence, Scope, Storage};
use crate::telemetry::logs::{self, LogControl};
use crate::telemetry::outages::Outages;

/// The storage with what is advertised of it.
pub struct Stored {
    pub storage: Arc<dyn Storage>,
    pub presence: Arc<Presence>,
    pub retention: RetentionSettings,
}

pub async fn storage(settings: &StorageSettings) -> anyhow::Result<Stored> {
    let presence = Arc::new(Presence::default());
    let base_url = settings.base_url.clone();
    let storage: Arc<dyn Storage> = match &settings.backend {
        StorageBackend::Memory { capacity } => {
            let memory = MemorySettings { capacity: *capacity, base_url };
            Arc::new(MemoryStorage::new(memory, Arc::clone(&presence)))
        }
        StorageBackend::Pvc { path, shared, take_over } => {
            let since = httpdate::fmt_http_date(SystemTime::now());
            let volume = FilesystemSettings {
                root: path.clone(),
                shared: *shared,
                base_url,
                owner: settings.owner.clone(),
                take_over: take_over.clone(),
                holder: format!("{}, process {}, since {since}", settings.writer, std::process::id()),
            };
            Arc::new(FilesystemStorage::open(volume).await.context("PVC_STORAGE_PATH cannot be used")?)
        }
        StorageBackend::S3 { bucket, serve, take_over } => {
            let bucket = S3Settings {
                bucket: bucket.as_ref().clone(),
                serve: *serve,
                base_url,
                owner: settings.owner.clone(),
                take_over: take_over.clone(),
            };
            Arc::new(S3Storage::open(bucket).await.context("S3_BUCKET cannot be used")?)
        }
    };
    let retention = RetentionSettings { ttl: settings.retention_ttl, records: settings.retention_records };
    Ok(Stored { storage, presence, retention })
}

/// Wait between two attempts to reach the storage.
const REACH_PERIOD: Duration = Duration::from_secs(1);

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

pub fn fetcher(run: &RunSettings, catalog: Arc<dyn Catalog>) -> Fetcher {
    let spools = Spools::new(run.spool.memory_limit, &run.spool.directory);
    let registry = Registry::new([Arc::new(HttpGenerator::new(run.http.clone())) as Arc<_>]);
    Fetcher { catalog, registry, spools }
}

pub fn context(
    run: &RunSettings,
    catalog: Arc<dyn Catalog>,
    stored: &Stored,
    executor: Arc<dyn Executor>,
) -> Arc<Context> {
    let fetcher = fetcher(run, Arc::clone(&catalog));
    Arc::new(Context {
        catalog,
        storage: Arc::clone(&stored.storage),
        presence: Arc::clone(&stored.presence),
        activities: Arc::new(Activities::default()),
        outages: Arc::new(Outages::default()),
        spools: fetcher.spools.clone(),
        fetcher: Arc::new(fetcher),
        executor,
        settings: Settings {
            schedule: Arc::new(run.schedule.clone()),
            unpack: run.unpack,
            retention: stored.retention,
            concurrent: run.concurrent,
            concurrent_hooks: run.executor.concurrent(),
        },
        pools: Pools::default(),
    })
}

pub fn logs(settings: &LogSettings) -> anyhow::Result<LogControl> {
    logs::init(settings.format, &settings.filter).context("logging cannot be set up")
}
