//! Hooks through the whole tree: what they see, and whom they can hold up.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::activity::State;
use crate::actors::testing::{World, is_back, named, until};
use crate::api::ObjectName;

/// Tells a source with this in its spec.
fn create(world: &World, name: &ObjectName, spec: &Value) {
    world.catalog.put(name);
    let mut whole = json!({"interval": "10m", "generator": {"type": "fake", "http": {"url": *name.name}}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    world.catalog.edit(name, "/spec", whole);
}

fn hook(command: &str, arg: &str, policy: &str) -> Value {
    json!({"name": command, "command": command, "args": [arg], "retryPolicy": policy})
}

fn after(hooks: &[Value]) -> Value {
    json!({"hooks": {"postRequest": hooks}})
}

fn state_of(world: &World, name: &ObjectName) -> Option<(State, Option<String>)> {
    let all = world.context.activities.all();
    let (_, activity) = all.into_iter().find(|(known, _)| known == name)?;
    Some((activity.state, activity.error.clone()))
}

#[tokio::test(start_paused = true)]
async fn a_request_is_made_from_the_hooks_before_it_and_the_archive_from_those_after_it() {
    let world = World::leading().await;
    let name = named("a");
    let hooks = json!({"preRequest": [hook("say", "token", "fail"), hook("add", "-2", "fail")],
        "postRequest": [hook("add", "\nb: 2", "fail")]});
    create(&world, &name, &json!({"hooks": hooks}));
    world.ready(&name).await;
    assert_eq!(world.origin.last_request("a"), Some((Some("token-2".to_owned()), false)));
    let ran = world.executor.ran();
    let inputs: Vec<_> = ran.iter().map(|(_, input)| input.as_str()).collect();
    assert_eq!(inputs, ["", "token", "a: 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_conditional_as_long_as_the_hooks_before_it_make_the_same() {
    let world = World::leading().await;
    let (same, other) = (named("same"), named("other"));
    create(&world, &same, &json!({"hooks": {"preRequest": [hook("say", "token", "fail")]}}));
    create(&world, &other, &json!({"hooks": {"preRequest": [hook("count", "", "fail")]}}));
    world.ready(&same).await;
    world.ready(&other).await;
    let writes = world.catalog.writes();
    for round in 2..5 {
        until("the next polls", || ["same", "other"].iter().all(|url| world.origin.requests(url).len() == round)).await;
        assert_eq!(world.origin.last_request("same"), Some((Some("token".to_owned()), true)));
        assert!(!world.origin.last_request("other").unwrap().1, "another token may see other data");
    }
    until("the last one ended", || state_of(&world, &other).unwrap().0 == State::Ready).await;
    assert_eq!(world.catalog.writes(), writes, "a new token for each of them costs no write");
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_is_away_holds_up_nobody_else_and_is_asked_again() {
    let world = World::leading().await;
    let (hooked, plain) = (named("hooked"), named("plain"));
    world.executor.set_down(true);
    create(&world, &hooked, &after(&[hook("cat", "", "ignore")]));
    world.catalog.create(&plain);
    world.ready(&plain).await;
    let why = "the hook executor is unavailable: no connection".to_owned();
    until("it says so", || state_of(&world, &hooked) == Some((State::Failing, Some(why.clone())))).await;
    until("it was asked again", || world.executor.ran().len() > 3).await;
    assert!(!world.catalog.is_ready(&hooked));
    world.executor.set_down(false);
    world.ready(&hooked).await;
}

#[tokio::test(start_paused = true)]
async fn hooks_that_do_not_end_hold_up_only_hooks_and_a_deletion_ends_them() {
    let world = World::leading().await;
    world.executor.hold(true);
    let hooked: Vec<_> = (0..3).map(|i| named(&format!("hooked-{i}"))).collect();
    for name in &hooked {
        create(&world, name, &after(&[hook("cat", "", "fail")]));
    }
    until("both workers of the pool are busy", || world.executor.under_way() == 2).await;
    let plain = named("plain");
    world.catalog.create(&plain);
    world.ready(&plain).await;
    assert_eq!(state_of(&world, &hooked[0]).unwrap().0, State::Hooks);
    let ran = world.executor.ran().len();
    world.catalog.delete(&hooked[0]);
    world.catalog.delete(&hooked[1]);
    until("the third one's hook runs", || world.executor.under_way() == 1 && world.executor.ran().len() == ran + 1)
        .await;
    world.executor.hold(false);
    world.ready(&hooked[2]).await;
}

#[tokio::test(start_paused = true)]
async fn hooks_that_do_not_end_hold_up_no_transformation() {
    let world = World::leading().await;
    world.executor.hold(true);
    for i in 0..4 {
        create(&world, &named(&format!("hooked-{i}")), &after(&[hook("cat", "", "fail")]));
    }
    until("both workers of the pool are busy", || world.executor.under_way() == 2).await;
    create(&world, &named("transformed"), &json!({"transform": [{"jq": "."}]}));
    until("the transformation is asked for", || world.executor.programs().len() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_is_tried_again_while_others_have_its_place() {
    let world = World::leading().await;
    let flaky = named("flaky");
    let started = Instant::now();
    create(&world, &flaky, &after(&[hook("flaky", "3", "retry")]));
    world.ready(&flaky).await;
    let lasted = started.elapsed();
    // One, two and four seconds, each with up to a quarter more or less.
    assert!(lasted > Duration::from_secs(5) && lasted < Duration::from_secs(9), "{lasted:?}");
    assert_eq!(world.origin.requests("flaky").len(), 1, "the origin was asked once");

    let waiting: Vec<_> = (0..4).map(|i| named(&format!("waiting-{i}"))).collect();
    for name in &waiting {
        create(&world, name, &after(&[hook("flaky", "1000", "retry")]));
    }
    until("all wait for their next try", || {
        waiting.iter().all(|name| world.origin.requests(&name.name).len() == 1) && world.executor.ran().len() >= 8
    })
    .await;
    let quick = named("quick");
    create(&world, &quick, &after(&[hook("cat", "", "fail")]));
    world.ready(&quick).await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_dies_costs_a_retry() {
    let world = World::leading().await;
    world.executor.hold(true);
    let name = named("a");
    create(&world, &name, &json!({"hooks": {"preRequest": [hook("say", "token", "fail")]}}));
    until("its hook runs", || world.executor.under_way() == 1).await;
    world.context.pools.hooks.kill().await;
    until("it is lost", || world.executor.under_way() == 0).await;
    world.executor.hold(false);
    is_back(&world.context.pools.hooks).await;
    world.ready(&name).await;
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_cannot_work_is_told_before_anything_runs() {
    let world = World::leading().await;
    let name = named("a");
    let mut bad = hook("cat", "", "fail");
    bad["timeout"] = json!("soon");
    let hooks = json!({"preRequest": [hook("say", "token", "fail")], "postRequest": [hook("cat", "", "fail"), bad]});
    create(&world, &name, &json!({"hooks": hooks}));
    until("it is stalled", || state_of(&world, &name).is_some_and(|(state, _)| state == State::Stalled)).await;
    let (_, error) = state_of(&world, &name).unwrap();
    assert!(error.unwrap().starts_with("spec.hooks.postRequest[1].timeout \"soon\""));
    assert!(world.executor.ran().is_empty() && world.origin.requests("a").is_empty());
}
