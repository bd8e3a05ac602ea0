//! What every way to run is made of: storage, generators, spools, and the context that the actors share.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use futures::future::BoxFuture;

use crate::activity::Activities;
use crate::actors::context::{Context, Pools, Settings};
use crate::catalog::Catalog;
use crate::config::{LogSettings, RunSettings, SpoolSettings, StorageBackend, StorageSettings};
use crate::generators::Registry;
use crate::generators::http::HttpGenerator;
use crate::hooks::Executor;
use crate::pipeline::collect::CollectSettings;
use crate::pipeline::fetch::Fetcher;
use crate::spool::Spools;
use crate::storage::cache::Cached;
use crate::storage::filesystem::{FilesystemSettings, FilesystemStorage};
use crate::storage::memory::{MemorySettings, MemoryStorage};
use crate::storage::retention::RetentionSettings;
use crate::storage::{Presence, Scope, Storage};
use crate::telemetry::logs::{self, LogControl};
use crate::telemetry::outages::Outages;
use crate::telemetry::storage::Reported;

/// The storage with what is advertised of it.
pub struct Stored {
    pub storage: Arc<dyn Storage>,
    pub presence: Arc<Presence>,
    pub retention: RetentionSettings,
    pub outages: Arc<Outages>,
    pub collect: CollectSettings,
}

pub async fn storage(settings: &StorageSettings, spool: &SpoolSettings) -> anyhow::Result<Stored> {
    let presence = Arc::new(Presence::default());
    let outages = Arc::new(Outages::default());
    let base_url = settings.base_url.clone();
    let storage: Arc<dyn Storage> = match &settings.backend {
        StorageBackend::Memory { capacity } => {
            let memory = MemorySettings { capacity: *capacity, base_url };
            let storage = MemoryStorage::new(memory, Arc::clone(&presence));
            Arc::new(Reported::new(Arc::new(storage), Arc::clone(&outages)))
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
            let storage = FilesystemStorage::open(volume).await.context("PVC_STORAGE_PATH cannot be used")?;
            let spools = Spools::new(spool.memory_limit, &spool.directory);
            let storage = Arc::new(Reported::new(Arc::new(storage), Arc::clone(&outages)));
            Arc::new(Cached::new(storage, settings.cache, &spools, Arc::clone(&presence)))
        }
    };
    let retention = RetentionSettings { ttl: settings.retention_ttl, records: settings.retention_records };
    Ok(Stored { storage, presence, retention, collect: settings.collect, outages })
}

/// Asks the storage anything at all.
pub fn reach(storage: &Arc<dyn Storage>) -> BoxFuture<'static, bool> {
    let storage = Arc::clone(storage);
    Box::pin(async move { storage.list(Scope::All, None).await.is_ok() })
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
        outages: Arc::clone(&stored.outages),
        spools: fetcher.spools.clone(),
        fetcher: Arc::new(fetcher),
        executor,
        settings: Settings {
            schedule: Arc::new(run.schedule.clone()),
            unpack: run.unpack,
            retention: stored.retention,
            collect: stored.collect,
            concurrent: run.concurrent,
            concurrent_hooks: run.executor.concurrent(),
        },
        pools: Pools::default(),
    })
}

pub fn logs(settings: &LogSettings) -> anyhow::Result<LogControl> {
    logs::init(settings.format, &settings.filter).context("logging cannot be set up")
}
