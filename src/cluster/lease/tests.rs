//! Elections between contenders over a store in memory, on a paused clock.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use futures::task::AtomicWaker;

use super::*;

/// A Lease as an API server keeps it, with the mishaps of a network in front of it.
#[derive(Clone)]
struct MemoryLease {
    lease: Arc<Mutex<Option<Lease>>>,
    /// Percentage of calls that fail, that are slow, and whose answer is lost.
    mishaps: u64,
    random: Arc<Mutex<fastrand::Rng>>,
    is_cut_off: Arc<AtomicBool>,
}

impl MemoryLease {
    fn new(seed: u64, mishaps: u64) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { lease: Arc::default(), mishaps, random, is_cut_off: Arc::default() }
    }

    fn for_replica(&self) -> Self {
        Self { is_cut_off: Arc::default(), ..self.clone() }
    }

    fn rolls(&self, percent: u64) -> bool {
        self.random.lock().unwrap().u64(0..100) < percent
    }

    async fn network(&self) -> Result<(), LeaseError> {
        if self.is_cut_off.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        if self.rolls(self.mishaps) {
            let delay = self.random.lock().unwrap().u64(0..20_000);
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if self.rolls(self.mishaps) { Err(LeaseError::Failed("lost".into())) } else { Ok(()) }
    }

    fn put(&self, new: &Lease) -> Result<Lease, LeaseError> {
        let mut stored = self.lease.lock().unwrap();
        let version = stored.as_ref().and_then(|lease| lease.metadata.resource_version.clone());
        if version != new.metadata.resource_version {
            return Err(LeaseError::Conflict);
        }
        let next = version.map_or(1, |version| version.parse::<u64>().unwrap() + 1);
        let mut lease = new.clone();
        lease.metadata.resource_version = Some(next.to_string());
        *stored = Some(lease.clone());
        Ok(lease)
    }

    fn holder(&self) -> Option<String> {
        self.lease.lock().unwrap().as_ref()?.spec.as_ref()?.holder_identity.clone()
    }
}

#[async_trait]
impl LeaseStore for MemoryLease {
    async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        self.network().await?;
        let lease = self.lease.lock().unwrap().clone();
        self.network().await?;
        Ok(lease)
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.replace(lease).await
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.network().await?;
        let outcome = self.put(lease);
        self.network().await?;
        outcome
    }
}

/// A process that can be stopped and continued, as by SIGSTOP.
#[derive(Clone, Default)]
struct Freezer(Arc<(AtomicBool, AtomicWaker)>);

impl Freezer {
    fn set(&self, frozen: bool) {
        self.0.0.store(frozen, Ordering::Relaxed);
        self.0.1.wake();
    }
}

struct Freezable<F>(Freezer, Pin<Box<F>>);

impl<F: Future> Future for Freezable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.0.0.1.register(context.waker());
        if self.0.0.0.load(Ordering::Relaxed) { Poll::Pending } else { self.1.as_mut().poll(context) }
    }
}

struct Replica {
    store: MemoryLease,
    fence: Fence,
    leadership: watch::Receiver<Leadership>,
    freezer: Freezer,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn replica(store: &MemoryLease, identity: &str) -> Replica {
    let settings = LeaseSettings {
        name: "lease".into(),
        namespace: "flux-system".into(),
        identity: identity.into(),
        duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    };
    let store = store.for_replica();
    let (elector, leadership) = Elector::new(Box::new(store.clone()), settings);
    let (freezer, shutdown) = (Freezer::default(), CancellationToken::new());
    let fence = elector.fence.clone();
    let task = tokio::spawn(Freezable(freezer.clone(), Box::pin(elector.run(shutdown.clone()))));
    Replica { store, fence, leadership, freezer, shutdown, task }
}

impl Replica {
    async fn becomes(&mut self, leadership: Leadership) -> Duration {
        let start = Instant::now();
        let wait = self.leadership.wait_for(|now| *now == leadership);
        timeout(Duration::from_secs(60), wait).await.expect("within a minute").expect("the election goes on");
        start.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_one_leads_and_its_shutdown_hands_over_at_once() {
    let store = MemoryLease::new(1, 0);
    let mut first = replica(&store, "first");
    first.becomes(Leadership::Leader).await;
    let mut second = replica(&store, "second");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(first.fence.is_open() && !second.fence.is_open());

    first.shutdown.cancel();
    first.task.await.unwrap();
    assert!(!first.fence.is_open());
    let took = second.becomes(Leadership::Leader).await;
    assert!(took < Duration::from_secs(3), "the released lease was taken only after {took:?}");
    assert_eq!(store.holder().as_deref(), Some("second"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stands_down_before_another_takes_over() {
    let store = MemoryLease::new(2, 0);
    let mut first = replica(&store, "first");
    first.becomes(Leadership::Leader).await;
    let mut second = replica(&store, "second");
    first.store.is_cut_off.store(true, Ordering::Relaxed);
    let stood_down = first.becomes(Leadership::Standby).await;
    assert!(stood_down <= Duration::from_secs(10), "stood down only after {stood_down:?}");
    assert!(!second.fence.is_open());
    second.becomes(Leadership::Leader).await;

    first.store.is_cut_off.store(false, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!first.fence.is_open() && second.fence.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_stopped_finds_its_fence_closed() {
    let store = MemoryLease::new(3, 0);
    let mut first = replica(&store, "first");
    first.becomes(Leadership::Leader).await;
    first.freezer.set(true);
    let mut second = replica(&store, "second");
    second.becomes(Leadership::Leader).await;
    first.freezer.set(false);
    assert!(!first.fence.is_open());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(second.fence.is_open() && !first.fence.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_away_by_hand_closes_the_fence() {
    let store = MemoryLease::new(4, 0);
    let mut first = replica(&store, "first");
    first.becomes(Leadership::Leader).await;
    {
        let mut lease = store.lease.lock().unwrap();
        let lease = lease.as_mut().unwrap();
        lease.metadata.resource_version = Some("100".into());
        lease.spec.as_mut().unwrap().holder_identity = Some("somebody".into());
    }
    let stood_down = first.becomes(Leadership::Standby).await;
    assert!(stood_down <= Duration::from_secs(10), "stood down only after {stood_down:?}");
}

#[tokio::test(start_paused = true)]
async fn two_fences_are_never_open_at_once_whatever_the_network_does() {
    for seed in 0..20 {
        let store = MemoryLease::new(seed, 20);
        let replicas = ["a", "b", "c"].map(|identity| replica(&store, identity));
        let mut random = fastrand::Rng::with_seed(seed);
        let mut led = 0;
        for _ in 0..6_000 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let open = replicas.iter().filter(|replica| replica.fence.is_open()).count();
            assert!(open <= 1, "seed {seed}: {open} replicas may write");
            led += open;
            for replica in &replicas {
                if random.u32(0..200) == 0 {
                    replica.freezer.set(random.bool());
                    replica.store.is_cut_off.store(random.u32(0..4) == 0, Ordering::Relaxed);
                }
            }
        }
        assert!(led > 600, "seed {seed}: nobody led for most of the time, which proves nothing");
        for replica in replicas {
            replica.task.abort();
        }
    }
}
