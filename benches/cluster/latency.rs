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
use crate::bed::{Bed, Controller, LIMIT};
use crate::fleet;
use crate::writes::{self, Writes};

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
type Sightings<T> = UnboundedReceiver<(Instant, String, T)>;

/// Changes one source after the other. Each change begins when the last one is completely written.
pub async fn run(bed: &Bed, controller: &Controller, namespace: &str, size: &Size) -> Result<Latency> {
    let client = bed.testbed.client().await?;
    let sources: Api<ExternalSource> = Api::namespaced(client.clone(), namespace);
    let artifacts: Api<ExternalArtifact> = Api::namespaced(client, namespace);
    let revision = |artifact: &ExternalArtifact| artifact.status.clone()?.artifact.map(|artifact| artifact.revision);
    let list = artifacts.list(&ListParams::default()).await?;
    let before: HashMap<_, _> = list.items.iter().map(|it| (it.name_any(), revision(it))).collect();
    let mut seen = watch(&artifacts, list.metadata.resource_version, revision).await?;
    let version = sources.list(&ListParams::default().limit(1)).await?.metadata.resource_version;
    let handled = |source: &ExternalSource| source.status.clone()?.last_handled_reconcile_at;
    let mut done = watch(&sources, version, handled).await?;
    let audit = bed.testbed.audit_log().await?;
    let since = audit.position().await?;
    let (mut answered, mut sent) = (Vec::new(), Vec::new());
    for number in 0..size.samples {
        let (number, token) = (number % size.sources, format!("change-{number}"));
        let name = fleet::name(number);
        bed.publish(number, 1);
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
    let writes = writes::count(&audit, since, &controller.user).await?;
    answered.sort_unstable();
    sent.sort_unstable();
    Ok(Latency { answered, sent, writes })
}

/// What `read` makes of every object from this version on.
async fn watch<K, T>(
    api: &Api<K>,
    version: Option<String>,
    read: impl Fn(&K) -> T + Send + 'static,
) -> Result<Sightings<T>>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    T: Send + 'static,
{
    let params = WatchParams::default().timeout(290);
    let mut events = api.watch(&params, &version.unwrap_or_default()).await?.boxed();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(event)) = events.try_next().await {
            let now = Instant::now();
            if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event {
                let _ = tell.send((now, object.name_any(), read(&object)));
            }
        }
    });
    Ok(told)
}

async fn until<T>(sightings: &mut Sightings<T>, wanted: &str, holds: impl Fn(&T) -> bool) -> Result<Instant> {
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
