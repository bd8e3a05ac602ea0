//! Every stage that is started ends exactly once, whatever happens to it.

use serde_json::json;
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;
use crate::actors::testing::{Recorder, World, is_back, named, until};
use crate::generators::Progress;
use crate::pipeline::fetch::Fetch;

const ATTEMPT: Attempt = Attempt(7);

/// A world that stands by, so that all that happens is what the test submits.
async fn stage() -> (World, ActorRef<SourceMsg>, UnboundedReceiver<SourceMsg>) {
    let (actor, told) = Recorder::spawn().await;
    (World::start().await, actor, told)
}

/// Submits the fetch of a source with these annotations.
fn fetch(world: &World, actor: &ActorRef<SourceMsg>, annotations: &serde_json::Value, cancelled: &CancellationToken) {
    let name = named("a");
    world.catalog.put(&name);
    let source = world.catalog.edit(&name, "/metadata/annotations", annotations.clone());
    let work = Work::Fetch(Fetch {
        source: Arc::clone(&source),
        advertised: None,
        prepared: None,
        force: false,
        progress: Arc::new(Progress::default()),
    });
    let completion = Completion::new(actor.clone(), ATTEMPT, work.job());
    submit(&world.context, source, work, completion, cancelled.clone());
}

async fn is_lost(told: &mut UnboundedReceiver<SourceMsg>) -> bool {
    matches!(told.recv().await, Some(SourceMsg::Ended(ATTEMPT, StageEnd::Lost(Job::Fetch))))
}

/// Nothing comes any more once the pool is empty and the actor has worked off its mailbox.
async fn is_told_no_more(world: &World, actor: &ActorRef<SourceMsg>, told: &mut UnboundedReceiver<SourceMsg>) -> bool {
    let idle = world.context.pools.fetcher.drain(std::time::Duration::from_secs(10)).await;
    actor.cast(SourceMsg::ArtifactObserved(None)).unwrap();
    idle && matches!(told.recv().await, Some(SourceMsg::ArtifactObserved(None)))
}

#[tokio::test]
async fn a_stage_that_ends_tells_its_end_once() {
    let (world, actor, mut told) = stage().await;
    fetch(&world, &actor, &json!({}), &CancellationToken::new());
    assert!(matches!(told.recv().await, Some(SourceMsg::Ended(ATTEMPT, StageEnd::Fetched(_)))));
    assert!(is_told_no_more(&world, &actor, &mut told).await);
}

#[tokio::test]
async fn a_stage_that_is_given_up_is_lost_whether_it_runs_or_waits() {
    let (world, actor, mut told) = stage().await;
    world.origin.hold(true);
    let (running, waiting) = (CancellationToken::new(), CancellationToken::new());
    fetch(&world, &actor, &json!({}), &running);
    until("the fetch", || world.origin.under_way() == 1).await;
    // Behind the first, because it is the same source's.
    fetch(&world, &actor, &json!({}), &waiting);
    waiting.cancel();
    running.cancel();
    assert!(is_lost(&mut told).await && is_lost(&mut told).await);
    assert!(is_told_no_more(&world, &actor, &mut told).await);
    assert_eq!(world.origin.under_way(), 0);
}

#[tokio::test]
async fn a_stage_that_panics_is_lost() {
    let (world, actor, mut told) = stage().await;
    fetch(&world, &actor, &json!({fault::ANNOTATION: "fetch:work"}), &CancellationToken::new());
    assert!(is_lost(&mut told).await);
    assert!(is_told_no_more(&world, &actor, &mut told).await);
}

#[tokio::test]
async fn stages_in_a_pool_that_dies_and_for_one_that_is_dead_are_lost() {
    let (world, actor, mut told) = stage().await;
    world.origin.hold(true);
    fetch(&world, &actor, &json!({}), &CancellationToken::new());
    until("the fetch", || world.origin.under_way() == 1).await;
    fetch(&world, &actor, &json!({}), &CancellationToken::new());
    world.context.pools.fetcher.kill().await;
    assert!(is_lost(&mut told).await && is_lost(&mut told).await);
    fetch(&world, &actor, &json!({}), &CancellationToken::new());
    assert!(is_lost(&mut told).await);
    is_back(&world.context.pools.fetcher).await;
    assert!(is_told_no_more(&world, &actor, &mut told).await);
}

#[tokio::test]
async fn a_completion_for_an_actor_that_is_gone_troubles_nobody() {
    let (world, actor, _told) = stage().await;
    actor.stop_and_wait(None, None).await.unwrap();
    fetch(&world, &actor, &json!({}), &CancellationToken::new());
    until("the fetch", || world.origin.requests("a").len() == 1).await;
    assert!(world.context.pools.fetcher.drain(std::time::Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_thread_that_was_given_up_is_waited_for_and_anything_else_is_not() {
    let cancelled = CancellationToken::new();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let thread = async { tokio::task::spawn_blocking(move || gate.recv()).await.is_ok() };
    let mut thread = pin!(unless_cancelled(thread, &cancelled, true));
    assert!(futures::poll!(thread.as_mut()).is_pending());
    cancelled.cancel();
    assert!(futures::poll!(thread.as_mut()).is_pending());
    let endless = std::future::pending::<()>();
    assert_eq!(unless_cancelled(endless, &cancelled, false).await, None);
    drop(open);
    assert_eq!(thread.await, None);
}
