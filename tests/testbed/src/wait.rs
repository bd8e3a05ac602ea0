//! Waiting for a condition rather than for a time.

use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use kube::Api;
use kube::api::Resource;
use kube::runtime::watcher;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

const POLL: Duration = Duration::from_millis(50);

/// Calls a check until it succeeds and gives what it gave. The error of a check says why it does not hold yet; after the
/// timeout the last one is reported, so a check should say what it saw (`ensure!(hits == 1, "{hits} requests")`).
pub async fn eventually<T, F>(what: &str, within: Duration, mut check: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + within;
    let mut last: Option<anyhow::Error> = None;
    loop {
        // Within the time as well: a check that hangs must fail the test with these words, not hang it. What the one
        // before said is worth more than that this one was cut off.
        let error = match timeout_at(deadline, check()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(elapsed) => last.unwrap_or_else(|| anyhow::Error::new(elapsed).context("the check hung")),
        };
        if Instant::now() >= deadline {
            return Err(error.context(format!("waited {within:?} for {what}")));
        }
        last = Some(error);
        sleep(POLL).await;
    }
}

/// Watches one object until a predicate holds and gives the object; `what` completes "waited for <name> to ...". The
/// predicate sees the object as JSON, and `null` while there is none, so "gone" can be waited for too.
pub async fn wait_for_condition<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    within: Duration,
    mut holds: impl FnMut(&Value) -> bool,
) -> Result<Value>
where
    K: Resource + Clone + Debug + Send + Serialize + DeserializeOwned + 'static,
{
    let mut last = Value::Null;
    let mut problem = None;
    let watch = async {
        let mut states = Box::pin(watcher::watch_object(api.clone(), name));
        loop {
            match states.try_next().await {
                Ok(Some(state)) => last = serde_json::to_value(state).context("cannot serialize what was watched")?,
                Ok(None) => bail!("the watch of {name} ended"),
                // The watcher starts over by itself; the error matters only if nothing better follows.
                Err(error) => {
                    problem = Some(error);
                    sleep(POLL).await;
                    continue;
                }
            }
            if holds(&last) {
                return Ok(());
            }
        }
    };
    match timeout(within, watch).await {
        Ok(result) => result.map(|()| last),
        Err(_) => bail!(
            "waited {within:?} for {name} to {what}; last error: {problem:?}; last state: {}",
            serde_json::to_string_pretty(&last).unwrap_or_default()
        ),
    }
}

/// A predicate for [`wait_for_condition`]: the object has a status condition of this type and status.
pub fn condition_is(kind: &str, status: &str) -> impl Fn(&Value) -> bool {
    move |object| condition(object, kind).is_some_and(|condition| condition["status"] == status)
}

/// The status condition of a type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object.pointer("/status/conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}
