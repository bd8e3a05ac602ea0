//! From an annotation to the new revision that a consumer's watch sees, one source after the other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use flux_externalsource::api::{ExternalArtifact, ExternalSource, REQUESTED_AT};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::ResourceExt as _;
use kube::api::{Api, ListParams, Patch, PatchParams, WatchEvent, WatchParams};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Size;
use crate::bed::{self, Bed, LIMIT};
use crate::writes::{self, Writes};
use crate::{fleet, floor};

/// What the changes took.
pub struct Latency {
    /// From the annotation's answer, in order.
    pub answered: Vec<Duration>,
    /// From before the annotation was sent, in order.
    pub sent: Vec<Duration>,
    /// What the controller wrote for all of them.
    pub writes: Writes,
}

/// What a watch saw, and when.
pub type Sightings<T> = UnboundedReceiver<(Instant, String, T)>;

/// Changes one source of `namespace` after the other; `user` writes what follows from it. Each change begins when the
/// last one is completely written.
pub async fn run(bed: &Bed, user: &str, namespace: &str, size: &Size) -> Result<Latency> {
    let client = bed.testbed.client().await?;
    let sources: Api<ExternalSource> = Api::namespaced(client.clone(), namespace);
    let artifacts: Api<ExternalArtifact> = Api::namespaced(client, namespace);
    let before: HashMap<_, _> = artifacts.list(&ListParams::default()).await?.items.iter().map(advertised).collect();
    let mut seen = watch(&artifacts, advertised).await?;
    let handled = |source: &ExternalSource| {
        let status = source.status.as_ref();
        (source.name_any(), status.and_then(|status| status.last_handled_reconcile_at.clone()))
    };
    let mut done = watch(&sources, handled).await?;
    let audit = bed.testbed.audit_log().await?;
    let since = audit.position().await?;
    let (mut answered, mut sent) = (Vec::new(), Vec::new());
    for sample in 0..size.samples {
        let (number, token) = (sample % size.sources, format!("change-{sample}"));
        let name = fleet::name(number);
        bed.publish(number);
        let patch = Patch::Merge(json!({"metadata": {"annotations": {REQUESTED_AT: token}}}));
        let start = Instant::now();
        sources.patch(&name, &PatchParams::default(), &patch).await?;
        let answer = Instant::now();
        let old = before.get(&name).cloned().flatten();
        let at = until(&mut seen, &name, |new| new.is_some() && *new != old).await?;
        answered.push(at.saturating_duration_since(answer));
        sent.push(at.duration_since(start));
        until(&mut done, &name, |handled| handled.as_ref() == Some(&token)).await?;
    }
    let writes = writes::count(&audit, since, user).await?;
    answered.sort_unstable();
    sent.sort_unstable();
    Ok(Latency { answered, sent, writes })
}

/// A name, and the revision that is advertised under it.
pub fn advertised(artifact: &ExternalArtifact) -> (String, Option<String>) {
    let status = artifact.status.as_ref();
    let revision = status.and_then(|status| status.artifact.as_ref()).map(|artifact| artifact.revision.clone());
    (artifact.name_any(), revision)
}

/// The same with a bare client in the controller's place: it asks the same origin, and writes what it knows beforehand.
pub async fn floor(bed: &Bed, namespace: &str, size: &Size) -> Result<Latency> {
    let account = bed.testbed.account(bed::ACCOUNT.0, bed::ACCOUNT.1).await?;
    let client = account.client().await?;
    let sources: Api<ExternalSource> = Api::namespaced(client.clone(), namespace);
    let token = |source: &ExternalSource| (source.name_any(), source.annotations().get(REQUESTED_AT).cloned());
    let mut requested = watch(&sources, token).await?;
    let (origin, namespace_of_task) = (bed.origin.url(""), namespace.to_owned());
    let writer = tokio::spawn(async move {
        let http = reqwest::Client::new();
        let mut handled = HashMap::new();
        while let Some((_, name, token)) = requested.recv().await {
            let Some(token) = token.filter(|token| handled.get(&name) != Some(token)) else { continue };
            handled.insert(name.clone(), token.clone());
            http.get(format!("{origin}/{name}.yaml")).send().await?.bytes().await?;
            floor::change(&client, &namespace_of_task, &name, &token).await?;
        }
        anyhow::Ok(())
    });
    let outcome = run(bed, &account.user, namespace, size).await;
    writer.abort();
    outcome
}

/// What `read` makes of every object from now on.
pub async fn watch<K, T>(api: &Api<K>, read: impl Fn(&K) -> (String, T) + Send + 'static) -> Result<Sightings<T>>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    T: Send + 'static,
{
    let version = api.list(&ListParams::default().limit(1)).await?.metadata.resource_version.unwrap_or_default();
    let mut events = api.watch(&WatchParams::default().timeout(290), &version).await?.boxed();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(event)) = events.try_next().await {
            let now = Instant::now();
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event {
                let (name, seen) = read(&object);
                let _ = tell.send((now, name, seen));
            }
        }
    });
    Ok(told)
}

/// When it held for `wanted`.
pub async fn until<T>(sightings: &mut Sightings<T>, wanted: &str, holds: impl Fn(&T) -> bool) -> Result<Instant> {
    let search = async {
        loop {
            let (at, name, seen) = sightings.recv().await.context("the watch ended")?;
            if name == wanted && holds(&seen) {
                return Ok(at);
            }
        }
    };
    tokio::time::timeout(LIMIT, search).await.with_context(|| format!("{wanted} did not change"))?
}
