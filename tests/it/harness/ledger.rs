//! What a controller wrote: counted from the API server's audit log, and the events that it told.

use anyhow::{Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use testbed::audit::Position;
use testbed::{AuditEvent, AuditLog, Filter, Testbed, eventually};

use super::{SOON, Scene};

/// The writes of one user in one namespace from some moment on.
pub struct Ledger {
    log: AuditLog,
    filter: Filter,
    since: Position,
}

impl Ledger {
    /// Begins to count.
    pub async fn open(testbed: &Testbed, user: &str, namespace: &str) -> Result<Self> {
        let log = testbed.audit_log().await?;
        let since = log.position().await?;
        Ok(Self { log, filter: Filter::all().user(user).namespace(namespace), since })
    }

    /// Counts only from now on.
    pub async fn restart(&mut self) -> Result<()> {
        self.since = self.log.position().await?;
        Ok(())
    }

    /// The writes so far except events, in their order: the kind with its subresource, and the status of the answer
    /// when it is no success.
    pub async fn writes(&self) -> Result<Vec<String>> {
        let writes = self.log.writes(self.since, &self.filter).await?;
        Ok(writes.iter().map(describe).filter(|write| !write.starts_with("events")).collect())
    }

    /// All requests for this kind, reads too.
    pub async fn requests(&self, resource: &str) -> Result<Vec<AuditEvent>> {
        self.log.requests(self.since, &self.filter.clone().resource(resource)).await
    }
}

fn describe(event: &AuditEvent) -> String {
    let object = event.object_ref.clone().unwrap_or_default();
    let mut text = object.resource;
    if !object.subresource.is_empty() {
        text = format!("{text}/{}", object.subresource);
    }
    if event.is_success() { text } else { format!("{text} {}", event.code()) }
}

/// Waits until at least `count` events with this reason about objects of this name are there, and gives their kinds
/// and notes.
pub async fn wait_events(scene: &Scene, name: &str, reason: &str, count: usize) -> Result<Vec<(String, String)>> {
    eventually(&format!("{count} events {reason} about {name}"), SOON, async || {
        let all = events(&scene.testbed, &scene.sources.namespace, name).await?;
        let told: Vec<_> = all.iter().filter(|(_, why, _)| why == reason).collect();
        ensure!(told.len() >= count, "{all:?}");
        Ok(told.into_iter().map(|(kind, _, note)| (kind.clone(), note.clone())).collect())
    })
    .await
}

/// The events of a namespace about objects of this name, as kind, reason and note, in alphabetical order.
pub async fn events(testbed: &Testbed, namespace: &str, name: &str) -> Result<Vec<(String, String, String)>> {
    let api: Api<Event> = Api::namespaced(testbed.client().await?, namespace);
    let mut told: Vec<_> = api.list(&kube::api::ListParams::default()).await?.items.into_iter().collect();
    told.retain(|event| event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name));
    let mut told: Vec<_> = told
        .into_iter()
        .map(|event| {
            let kind = event.regarding.and_then(|object| object.kind).unwrap_or_default();
            (kind, event.reason.unwrap_or_default(), event.note.unwrap_or_default())
        })
        .collect();
    told.sort();
    Ok(told)
}
