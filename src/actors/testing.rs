//! A world for the tests of the actors: a scripted catalog and origin, and everything else as in production.

mod catalog;
mod origin;
mod storage;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, Message};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub use catalog::{FakeCatalog, observed};
pub use origin::FakeOrigin;
pub use storage::FakeStorage;

use super::context::{Context, Pools, Settings};
use super::pool::PoolHandle;
use super::system::{System, SystemArgs};
use crate::activity::Activities;
use crate::api::ObjectName;
use crate::generators::Registry;
use crate::pipeline::collect::CollectSettings;
use crate::pipeline::fetch::Fetcher;
use crate::pipeline::hooks::testing::FakeExecutor;
use crate::pipeline::schedule::ScheduleSettings;
use crate::pipeline::unpack::UnpackLimits;
use crate::spool::Spools;
use crate::storage::retention::RetentionSettings;
use crate::storage::{ArtifactKey, Presence, Scope};

/// Longest wait for a condition, on the clock on the wall and on tokio's, which may be paused.
const PATIENCE: Duration = Duration::from_secs(30);
const VIRTUAL_PATIENCE: Duration = Duration::from_secs(7200);

/// The tree over a scripted catalog and a scripted origin.
pub struct World {
    pub catalog: Arc<FakeCatalog>,
    pub origin: Arc<FakeOrigin>,
    pub executor: Arc<FakeExecutor>,
    pub storage: Arc<FakeStorage>,
    pub context: Arc<Context>,
    pub system: System,
    synced: Arc<AtomicUsize>,
}

impl World {
    /// Stands by.
    pub async fn start() -> Self {
        let presence = Arc::new(Presence::default());
        let storage = Arc::new(FakeStorage::new(&presence));
        // What a test waits for must not come about by the collector alone.
        let idle = CollectSettings {
            interval: Duration::MAX,
            stale_after: Duration::MAX,
            verify_period: Duration::ZERO,
            records: usize::MAX,
        };
        Self::start_over(storage, presence, idle).await
    }

    /// Leads over a storage that others may use too, which is collected so often and read as a whole every time.
    pub async fn collecting(storage: &Arc<FakeStorage>, interval: Duration) -> Self {
        let verify_period = Duration::from_nanos(1);
        let settings = CollectSettings { interval, stale_after: Duration::ZERO, verify_period, records: 2 };
        let world = Self::start_over(Arc::clone(storage), Arc::default(), settings).await;
        world.lead().await;
        world
    }

    async fn start_over(storage: Arc<FakeStorage>, presence: Arc<Presence>, collect: CollectSettings) -> Self {
        let (catalog, origin) = (Arc::new(FakeCatalog::default()), Arc::new(FakeOrigin::default()));
        let executor = Arc::new(FakeExecutor::default());
        let context = context(&catalog, &origin, &executor, &storage, presence, collect);
        let synced = Arc::new(AtomicUsize::new(0));
        let on_synced = {
            let synced = Arc::clone(&synced);
            Arc::new(move || _ = synced.fetch_add(1, Ordering::SeqCst))
        };
        let args = SystemArgs { context: Arc::clone(&context), artifact_server: None, on_synced };
        let system = System::start(args).await.unwrap();
        Self { catalog, origin, executor, storage, context, system, synced }
    }

    /// Leads, with everything listed by its first watch.
    pub async fn leading() -> Self {
        let world = Self::start().await;
        world.lead().await;
        world
    }

    /// Leads and lists everything in the watch that this opens.
    pub async fn lead(&self) {
        let watches = self.catalog.watches();
        self.system.handle().lead(true);
        until("a watch", || self.catalog.watches() > watches).await;
        self.list().await;
    }

    /// Lists everything in the newest watch and waits until that is taken note of.
    pub async fn list(&self) {
        let before = self.synced();
        self.catalog.list();
        until("the watch is in sync", || self.synced() > before).await;
    }

    /// How often a watch was in sync.
    pub fn synced(&self) -> usize {
        self.synced.load(Ordering::SeqCst)
    }

    /// Waits until the source's archive is advertised in both objects.
    pub async fn ready(&self, source: &ObjectName) {
        until("the source is Ready", || self.catalog.is_ready(source)).await;
    }

    /// Whether an actor of this source runs, or waits for its restart.
    pub fn is_run(&self, source: &ObjectName) -> bool {
        self.context.activities.all().iter().any(|(name, _)| name == source)
    }

    /// What is stored of the source.
    pub async fn stored(&self, source: &ObjectName) -> Vec<ArtifactKey> {
        let scope = Scope::Source(source);
        let page = self.context.storage.list(scope, None).await.unwrap();
        page.entries.into_iter().map(|stored| stored.key).collect()
    }

    /// Waits until nothing is stored of a source that is gone.
    pub async fn nothing_stored(&self, source: &ObjectName) {
        let (wall, clock) = (std::time::Instant::now(), tokio::time::Instant::now());
        while !self.stored(source).await.is_empty() {
            be_patient(wall, clock, "nothing is stored").await;
        }
    }

    /// Waits until all storage work that was submitted up to now is over.
    pub async fn storage_is_quiet(&self) {
        assert!(self.context.pools.storage.drain(PATIENCE).await);
    }
}

fn context(
    catalog: &Arc<FakeCatalog>,
    origin: &Arc<FakeOrigin>,
    executor: &Arc<FakeExecutor>,
    storage: &Arc<FakeStorage>,
    presence: Arc<Presence>,
    collect: CollectSettings,
) -> Arc<Context> {
    let spools = Spools::new(1 << 20, std::env::temp_dir());
    let fetcher = Fetcher {
        catalog: Arc::clone(catalog) as Arc<_>,
        registry: Registry::new([Arc::clone(origin) as Arc<_>]),
        spools: spools.clone(),
    };
    Arc::new(Context {
        catalog: Arc::clone(catalog) as Arc<_>,
        storage: Arc::clone(storage) as Arc<_>,
        presence,
        activities: Arc::new(Activities::default()),
        outages: Arc::default(),
        fetcher: Arc::new(fetcher),
        executor: Arc::clone(executor) as Arc<_>,
        spools,
        settings: Settings {
            schedule: Arc::new(ScheduleSettings::default()),
            unpack: UnpackLimits { entries: 10, total_size: 1 << 20, file_size: 1 << 20, ratio: 100 },
            retention: RetentionSettings { ttl: Duration::from_secs(60), records: 2 },
            collect,
            concurrent: 4,
            concurrent_hooks: 2,
        },
        pools: Pools::default(),
    })
}

/// Waits for a condition; under a paused clock this is what drives the time.
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let (wall, clock) = (std::time::Instant::now(), tokio::time::Instant::now());
    while !condition() {
        be_patient(wall, clock, what).await;
    }
}

async fn be_patient(wall: std::time::Instant, clock: tokio::time::Instant, what: &str) {
    assert!(wall.elapsed() < PATIENCE && clock.elapsed() < VIRTUAL_PATIENCE, "waited in vain until {what}");
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// Waits until the pool answers.
pub async fn is_back(pool: &PoolHandle) {
    let (wall, clock) = (std::time::Instant::now(), tokio::time::Instant::now());
    while !pool.is_alive(PATIENCE).await {
        be_patient(wall, clock, "the pool is back").await;
    }
}

/// A name in the tests' namespace.
pub fn named(name: &str) -> ObjectName {
    ObjectName::new("team-a", name)
}

/// Passes on every message that it gets.
pub struct Recorder<M>(std::marker::PhantomData<fn(M)>);

impl<M: Message> Recorder<M> {
    /// The actor, and what it gets.
    pub async fn spawn() -> (ActorRef<M>, UnboundedReceiver<M>) {
        let (sender, messages) = unbounded_channel();
        let (actor, _) = Actor::spawn(None, Self(std::marker::PhantomData), sender).await.unwrap();
        (actor, messages)
    }
}

impl<M: Message> Actor for Recorder<M> {
    type Msg = M;
    type State = UnboundedSender<M>;
    type Arguments = UnboundedSender<M>;

    async fn pre_start(&self, _: ActorRef<M>, sender: UnboundedSender<M>) -> Result<Self::State, ActorProcessingErr> {
        Ok(sender)
    }

    async fn handle(
        &self,
        _: ActorRef<M>,
        message: M,
        sender: &mut UnboundedSender<M>,
    ) -> Result<(), ActorProcessingErr> {
        let _ = sender.send(message);
        Ok(())
    }
}
