//! Many sources at once: creates them and watches them until all are Ready.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use flux_externalsource::api::{ExternalSource, conditions};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, PostParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use tokio::sync::oneshot;

use crate::bed::{Bed, LIMIT, path};

/// Requests under way at once: as many as the controller's publisher has.
pub const CONCURRENCY: usize = 16;

/// The name of a source.
pub fn name(source: usize) -> String {
    format!("source-{source}")
}

/// A source of this number in `namespace`.
pub fn source(bed: &Bed, namespace: &str, number: usize, interval: &str) -> Result<ExternalSource> {
    let object = json!({
        "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
        "metadata": {"name": name(number), "namespace": namespace},
        "spec": {"interval": interval, "generator": {"type": "http", "http": {"url": bed.origin.url(&path(number))}}},
    });
    Ok(serde_json::from_value(object)?)
}

/// Creates all sources; returns the time from the first create to all Ready, and to the last create's answer.
pub async fn create(bed: &Bed, namespace: &str, count: usize) -> Result<(Duration, Duration)> {
    let api: Api<ExternalSource> = Api::namespaced(bed.testbed.client().await?, namespace);
    let ready = until_ready(bed.testbed.client().await?, namespace, count).await?;
    let started = Instant::now();
    stream::iter(0..count)
        .map(|number| {
            let object = source(bed, namespace, number, "10m");
            let api = api.clone();
            async move { anyhow::Ok(api.create(&PostParams::default(), &object?).await?) }
        })
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|_| std::future::ready(Ok(())))
        .await?;
    let created = started.elapsed();
    Ok((ready.await??.duration_since(started), created))
}

/// Watches from now on; gives the time at which this many sources are Ready.
pub async fn until_ready(client: Client, namespace: &str, count: usize) -> Result<oneshot::Receiver<Result<Instant>>> {
    let api: Api<ExternalSource> = Api::namespaced(client, namespace);
    let version = api.list(&kube::api::ListParams::default()).await?.metadata.resource_version.unwrap_or_default();
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let outcome = tokio::time::timeout(LIMIT, watch(api, &version, count)).await;
        let _ = tell.send(outcome.context("not all sources became Ready").flatten());
    });
    Ok(told)
}

async fn watch(api: Api<ExternalSource>, version: &str, count: usize) -> Result<Instant> {
    let mut ready = HashSet::new();
    let mut events = api.watch(&WatchParams::default().timeout(290), version).await?.boxed();
    while let Some(event) = events.try_next().await? {
        let (WatchEvent::Added(source) | WatchEvent::Modified(source)) = event else { continue };
        let status = source.status.as_ref();
        if status.is_some_and(|status| conditions::is_true(&status.conditions, conditions::types::READY)) {
            ready.insert(source.name_any());
        }
        if ready.len() == count {
            return Ok(Instant::now());
        }
    }
    bail!("the watch ended")
}
