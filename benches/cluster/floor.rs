//! The floor: a bare client that knows everything beforehand and does nothing but the same requests, at the same
//! concurrency, until the same watch has seen all sources Ready.

use std::time::Duration;

use anyhow::Result;
use flux_externalsource::api::{ExternalArtifact, ExternalSource};
use flux_externalsource::digest::Digest;
use futures::channel::mpsc;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::bed::{Bed, path};
use crate::fleet::{self, CONCURRENCY};
use crate::usage::{Cost, Parts};
use crate::{Size, bed};

/// What the bare client took.
pub struct Floor {
    /// From the first create to all Ready.
    pub elapsed: Duration,
    /// Whose processor time that was.
    pub cost: Cost,
    /// Where everything was written.
    pub namespace: String,
}

/// Creates and writes everything, as the account of the controller where that would write.
pub async fn run(bed: &Bed, size: &Size) -> Result<Floor> {
    let namespace = bed.testbed.namespace("floor").await?;
    let creator: Api<ExternalSource> = Api::namespaced(bed.testbed.client().await?, &namespace);
    let writer = bed.testbed.account(bed::ACCOUNT.0, bed::ACCOUNT.1).await?.client().await?;
    let ready = fleet::until_ready(bed.testbed.client().await?, &namespace, size.sources).await?;
    let parts = Parts::find(None)?;
    let before = parts.read()?;
    let started = std::time::Instant::now();
    let (tell, created) = mpsc::unbounded();
    let creating = stream::iter(0..size.sources)
        .map(|number| {
            let (object, creator, tell) = (fleet::source(bed, &namespace, number, "10m"), &creator, &tell);
            async move {
                let created = creator.create(&PostParams::default(), &object?).await?;
                let _ = tell.unbounded_send((number, created));
                anyhow::Ok(())
            }
        })
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|()| std::future::ready(Ok(())));
    let writing = created
        .take(size.sources)
        .map(|(number, source)| write(&writer, bed, &namespace, number, source))
        .buffer_unordered(CONCURRENCY)
        .try_for_each(|()| std::future::ready(Ok(())));
    futures::future::try_join(creating, writing).await?;
    let elapsed = ready.await??.duration_since(started);
    Ok(Floor { elapsed, cost: parts.read()?.since(&before), namespace })
}

/// The three writes that a new source needs, with bodies like the controller's.
async fn write(client: &Client, bed: &Bed, namespace: &str, number: usize, source: ExternalSource) -> Result<()> {
    let artifacts: Api<ExternalArtifact> = Api::namespaced(client.clone(), namespace);
    let object = Patch::Apply(artifact(&source, namespace));
    artifacts.patch(&fleet::name(number), &params(), &object).await?;
    advertise(client, namespace, &fleet::name(number), &bed.origin.url(&path(number)), "").await
}

/// The two writes that a changed source needs.
pub async fn change(client: &Client, namespace: &str, name: &str, token: &str) -> Result<()> {
    advertise(client, namespace, name, "http://127.0.0.1", token).await
}

async fn advertise(client: &Client, namespace: &str, name: &str, origin: &str, token: &str) -> Result<()> {
    let artifacts: Api<ExternalArtifact> = Api::namespaced(client.clone(), namespace);
    let sources: Api<ExternalSource> = Api::namespaced(client.clone(), namespace);
    let status = |kind: &str, version: &str, status: Value| {
        Patch::Apply(json!({
            "apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "status": status,
        }))
    };
    let mut said = described(namespace, name, origin, token);
    let described = status("ExternalArtifact", "source.toolkit.fluxcd.io/v1", said.clone());
    artifacts.patch_status(name, &params(), &described).await?;
    said["observedGeneration"] = 1.into();
    said["artifact"]["observedGeneration"] = 1.into();
    said["lastHandledETag"] = "\"0-0\"".into();
    said["lastHandledRequest"] = format!("sha256:{:064x}", 1).into();
    if !token.is_empty() {
        said["lastHandledReconcileAt"] = token.into();
    }
    let said = status("ExternalSource", "source.flux.oddkin.co/v1alpha1", said);
    sources.patch_status(name, &params(), &said).await?;
    Ok(())
}

fn params() -> PatchParams {
    PatchParams::apply("bench").force()
}

fn artifact(source: &ExternalSource, namespace: &str) -> Value {
    let name = source.name_any();
    let owner = json!({
        "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource", "name": name,
        "uid": source.uid(), "controller": true, "blockOwnerDeletion": false,
    });
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
        "metadata": {
            "name": name, "namespace": namespace, "ownerReferences": [owner],
            "labels": {"app.kubernetes.io/managed-by": "flux-externalsource-controller"},
        },
        "spec": {"sourceRef": {
            "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource", "name": name,
            "namespace": namespace,
        }},
    })
}

/// A status whose revision `seed` decides.
fn described(namespace: &str, name: &str, origin: &str, seed: &str) -> Value {
    let hex = Digest::of(seed.as_bytes()).to_string();
    let path = format!("artifacts/{namespace}/{name}/{hex}.tar.gz");
    let revision = format!("latest@sha256:{hex}");
    json!({
        "artifact": {
            "url": format!("http://127.0.0.1:8080/{path}"), "path": path, "revision": revision,
            "digest": format!("sha256:{hex}"), "size": 6000, "lastUpdateTime": "2026-01-01T00:00:00Z",
            "metadata": {
                "org.opencontainers.image.source": origin, "org.opencontainers.image.revision": "\"0-0\"",
                "source.flux.oddkin.co/manifests": "1",
            },
        },
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Succeeded", "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z", "message": format!("stored artifact for revision '{revision}'"),
        }],
    })
}
