//! What every way to run is made of: storage, generators, spools, and the context that the actors share.

use std::sync::Arc;

use anyhow::Context as _;
use futures::future::BoxFuture;

use crate::activity::Activities;
use crate::actors::context::{Context, Pools, Settings};
use crate::catalog::Catalog;
use crate::config::{LogSettings, RunSettings, StorageSettings};
use crate::generators::Registry;
use crate::generators::http::HttpGenerator;
use crate::hooks::Executor;
use crate::pipeline::fetch::Fetcher;
use crate::spool::Spools;
use crate::storage::memory::MemoryStorage;
use crate::storage::retention::RetentionSettings;
use crate::storage::{Presence, Scope, Storage};
use crate::telemetry::logs::{self, LogControl};
use crate::telemetry::outages::Outages;

/// The storage with what is advertised of it.
pub struct Stored {
    pub storage: Arc<dyn Storage>,
    pub presence: Arc<Presence>,
    pub retention: RetentionSettings,
}

pub fn storage(settings: &StorageSettings) -> Stored {
    let presence = Arc::new(Presence::default());
    let storage = MemoryStorage::new(settings.memory.clone(), Arc::clone(&presence));
    let retention = RetentionSettings { ttl: settings.retention_ttl, records: settings.retention_records };
    Stored { storage: Arc::new(storage), presence, retention }
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
