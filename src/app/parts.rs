//! What every way to run is made of: generators, spools, and the context that the actors share.

use std::sync::Arc;

use anyhow::Context as _;

use super::stored::Stored;
use crate::activity::Activities;
use crate::actors::context::{Context, Pools, Settings};
use crate::catalog::Catalog;
use crate::config::{LogSettings, RunSettings};
use crate::generators::Registry;
use crate::generators::http::HttpGenerator;
use crate::hooks::Executor;
use crate::pipeline::fetch::Fetcher;
use crate::spool::Spools;
use crate::telemetry::logs::{self, LogControl};

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
