//! What every source's actor works with; shared by all of them.

use std::sync::Arc;

use crate::activity::Activities;
use crate::catalog::Catalog;
use crate::hooks::Executor;
use crate::pipeline::collect::CollectSettings;
use crate::pipeline::fetch::Fetcher;
use crate::pipeline::schedule::ScheduleSettings;
use crate::pipeline::unpack::UnpackLimits;
use crate::spool::Spools;
use crate::storage::retention::RetentionSettings;
use crate::storage::{Presence, Storage};
use crate::telemetry::outages::Outages;

use super::pool::PoolHandle;

/// Everything that outlives a source.
pub struct Context {
    /// Where objects come from and results go.
    pub catalog: Arc<dyn Catalog>,
    /// Where archives live.
    pub storage: Arc<dyn Storage>,
    /// What is advertised, for the artifact server.
    pub presence: Arc<Presence>,
    /// What sources do, for people.
    pub activities: Arc<Activities>,
    /// What does not answer right now, for people.
    pub outages: Arc<Outages>,
    /// The fetch stage.
    pub fetcher: Arc<Fetcher>,
    /// Runs hooks, transformations and assertions.
    pub executor: Arc<dyn Executor>,
    /// Where bytes go on their way.
    pub spools: Spools,
    /// How sources are run.
    pub settings: Settings,
    /// The pools.
    pub pools: Pools,
}

/// How sources are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Intervals and backoff.
    pub schedule: Arc<ScheduleSettings>,
    /// Limits of unpacked archives.
    pub unpack: UnpackLimits,
    /// How long retired revisions live.
    pub retention: RetentionSettings,
    /// When and how what nobody needs is removed.
    pub collect: CollectSettings,
    /// Requests to origins at once.
    pub concurrent: usize,
    /// Sources whose hooks run at once, and, beside them, those whose transformations or assertions do.
    pub concurrent_hooks: usize,
}

/// The pools. A run passes the one for hooks before and after the fetcher's, and the others in their order.
#[derive(Clone)]
pub struct Pools {
    /// Runs what surrounds a request of a source that has hooks.
    pub hooks: PoolHandle,
    /// Runs the transformations and assertions of all others, which wait for nobody's hooks.
    pub transformations: PoolHandle,
    /// Asks origins.
    pub fetcher: PoolHandle,
    /// Builds archives.
    pub packager: PoolHandle,
    /// Stores, verifies and deletes archives.
    pub storage: PoolHandle,
    /// Writes objects.
    pub publisher: PoolHandle,
}

impl Default for Pools {
    fn default() -> Self {
        Self {
            hooks: PoolHandle::new("hooks"),
            transformations: PoolHandle::new("transformations"),
            fetcher: PoolHandle::new("fetcher"),
            packager: PoolHandle::new("packager"),
            storage: PoolHandle::new("storage"),
            publisher: PoolHandle::new("publisher"),
        }
    }
}

impl Pools {
    /// All of them.
    pub fn all(&self) -> [&PoolHandle; 6] {
        [&self.hooks, &self.transformations, &self.fetcher, &self.packager, &self.storage, &self.publisher]
    }
}
