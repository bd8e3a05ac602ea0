//! Bounds, order, and ends that come whatever happens. Real time: everything waits for messages.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::*;

const SOON: Duration = Duration::from_secs(10);

async fn pool(limit: usize) -> (PoolHandle, ActorRef<PoolMsg>) {
    let handle = PoolHandle::new("test");
    let (actor, _) = Pool::spawn(None, Pool, PoolArgs { name: "test", limit }).await.unwrap();
    handle.connect(actor.clone());
    (handle, actor)
}

fn source(name: &str) -> ObjectName {
    ObjectName::new("team-a", name)
}

/// Work that says when it starts and then waits for its gate.
fn gated(started: &mpsc::UnboundedSender<&'static str>, name: &'static str) -> (oneshot::Sender<()>, Work) {
    let (open, gate) = oneshot::channel();
    let started = started.clone();
    let work = async move {
        started.send(name).unwrap();
        let _ = gate.await;
    };
    (open, Box::pin(work))
}

#[tokio::test]
async fn no_more_than_the_limit_runs_at_once() {
    let (pool, _actor) = pool(3).await;
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for n in 0..50 {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        let work = async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
        };
        pool.submit(source(&n.to_string()), Box::pin(work));
    }
    assert!(pool.drain(SOON).await);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn work_of_one_source_runs_in_order_and_holds_up_no_other() {
    let (pool, _actor) = pool(2).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let (open_first, first) = gated(&started, "a1");
    let (open_second, second) = gated(&started, "a2");
    let (open_other, other) = gated(&started, "b1");
    pool.submit(source("a"), first);
    pool.submit(source("a"), second);
    pool.submit(source("b"), other);
    assert_eq!((starts.recv().await, starts.recv().await), (Some("a1"), Some("b1")));
    drop(open_other);
    drop(open_first);
    assert_eq!(starts.recv().await, Some("a2"));
    drop(open_second);
    assert!(pool.drain(SOON).await);
}

#[tokio::test]
async fn a_panic_ends_its_work_and_nothing_else() {
    let (pool, _actor) = pool(1).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    pool.submit(source("a"), Box::pin(async { panic!("on purpose") }));
    let (open, next) = gated(&started, "next");
    pool.submit(source("a"), next);
    assert_eq!(starts.recv().await, Some("next"));
    drop(open);
    assert!(pool.drain(SOON).await && pool.is_alive(SOON).await);
}

#[tokio::test]
async fn a_pool_that_dies_drops_its_work_so_that_completions_tell() {
    let (pool, actor) = pool(1).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let (_open, running) = gated(&started, "running");
    let (owed_running, mut told_running) = oneshot::channel::<()>();
    let (owed_waiting, told_waiting) = oneshot::channel::<()>();
    pool.submit(
        source("a"),
        Box::pin(async move {
            running.await;
            drop(owed_running);
        }),
    );
    pool.submit(source("b"), Box::pin(async move { drop(owed_waiting) }));
    assert_eq!(starts.recv().await, Some("running"));
    assert!(told_running.try_recv().is_err());
    actor.kill_and_wait(None).await.unwrap();
    assert!(told_running.await.is_err() && told_waiting.await.is_err());
    assert!(!pool.is_alive(SOON).await);
}
