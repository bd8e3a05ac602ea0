//! What a pool promises: order per source, a limit over all, and survival of what panics.

use tokio::sync::{Semaphore, mpsc};
use tokio::task::yield_now;

use super::*;

const SOON: Duration = Duration::from_secs(10);

async fn pool(limit: usize) -> PoolHandle {
    let (actor, _) = Actor::spawn(None, Pool, PoolArgs { name: "test", limit }).await.unwrap();
    let handle = PoolHandle::new("test");
    handle.connect(actor);
    handle
}

fn source(name: &str) -> ObjectName {
    ObjectName::new("default", name)
}

#[tokio::test]
async fn work_of_one_source_runs_in_its_order_and_one_at_a_time() {
    let pool = pool(8).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    for i in 0..5 {
        let tell = tell.clone();
        let work = async move {
            tell.send((i, "begins")).unwrap();
            yield_now().await;
            tell.send((i, "ends")).unwrap();
        };
        pool.submit(source("a"), Box::pin(work));
    }
    assert!(pool.drain(SOON).await);
    for i in 0..5 {
        assert_eq!((told.recv().await, told.recv().await), (Some((i, "begins")), Some((i, "ends"))));
    }
}

#[tokio::test]
async fn no_more_than_the_limit_run_at_once_and_others_take_their_place() {
    let pool = pool(2).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    for name in ["a", "b", "c"] {
        let (tell, gate) = (tell.clone(), Arc::clone(&gate));
        let work = async move {
            tell.send(name).unwrap();
            gate.acquire().await.unwrap().forget();
        };
        pool.submit(source(name), Box::pin(work));
    }
    assert_eq!((told.recv().await, told.recv().await), (Some("a"), Some("b")));
    // The pool answers after it has seen all three.
    assert!(pool.is_alive(SOON).await);
    assert!(told.try_recv().is_err(), "a third one runs");
    gate.add_permits(1);
    assert_eq!(told.recv().await, Some("c"));
    gate.add_permits(2);
    assert!(pool.drain(SOON).await);
}

#[tokio::test]
async fn work_that_panics_holds_up_nobody() {
    let pool = pool(1).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    pool.submit(source("a"), Box::pin(async { panic!("on purpose") }));
    for name in ["a", "b"] {
        let tell = tell.clone();
        pool.submit(source(name), Box::pin(async move { tell.send(name).unwrap() }));
    }
    let mut ran = [told.recv().await, told.recv().await];
    ran.sort_unstable();
    assert_eq!(ran, [Some("a"), Some("b")]);
    assert!(pool.drain(SOON).await);
}

#[tokio::test]
async fn a_pool_that_is_not_there_is_neither_alive_nor_drained_and_drops_work() {
    let pool = PoolHandle::new("test");
    let (held, dropped) = tokio::sync::oneshot::channel::<()>();
    pool.submit(source("a"), Box::pin(async move { drop(held) }));
    assert!(dropped.await.is_err());
    assert!(!pool.is_alive(SOON).await && !pool.drain(SOON).await);
}
