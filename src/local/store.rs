//! The objects of a local run, in memory, kept as the API server would keep them: uids, generations, statuses, and
//! every change told to whoever watches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, BoxStream, StreamExt as _};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::api::{ExternalArtifact, ExternalArtifactSpec, ExternalSource, ExternalSourceSpec, ObjectName};
use crate::catalog::{CatalogError, Change, ObservedSource};
use crate::digest::Digest;
use crate::generators::Secret;

/// What a user wrote about one source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceManifest {
    /// Its name.
    pub name: ObjectName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Its spec; the default when it cannot be read.
    pub spec: ExternalSourceSpec,
    /// Why the spec cannot be read.
    pub invalid: Option<String>,
}

/// Everything that the manifests define.
#[derive(Debug, Default)]
pub struct Desired {
    /// The sources.
    pub sources: BTreeMap<ObjectName, SourceManifest>,
    /// The Secrets.
    pub secrets: BTreeMap<ObjectName, Secret>,
}

/// The objects as they are now.
#[derive(Default)]
pub struct Store {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sources: BTreeMap<ObjectName, ObservedSource>,
    secrets: BTreeMap<ObjectName, Secret>,
    artifacts: BTreeMap<ObjectName, Arc<ExternalArtifact>>,
    /// How often each name was taken, so that a source that comes back is another one.
    lives: BTreeMap<ObjectName, u64>,
    version: u64,
    // Unbounded, because what goes through is bounded by what people write and by our own writes, and because telling
    // happens under the lock, which keeps snapshot and changes in order.
    watchers: Vec<UnboundedSender<Change>>,
}

impl Store {
    /// Makes the objects those that the manifests define; what did not change is not touched.
    pub fn replace(&self, desired: Desired) {
        let mut state = self.lock();
        let gone: Vec<_> = state.sources.keys().filter(|name| !desired.sources.contains_key(*name)).cloned().collect();
        for name in gone {
            state.remove(&name);
        }
        for manifest in desired.sources.into_values() {
            state.write(manifest);
        }
        state.secrets = desired.secrets;
    }

    /// Everything that exists, [`Change::Synced`], then what changes.
    pub fn watch(&self) -> BoxStream<'static, Result<Change, CatalogError>> {
        let (sender, mut receiver) = unbounded_channel();
        let mut state = self.lock();
        let mut snapshot: Vec<_> = state.sources.values().cloned().map(Change::Source).collect();
        snapshot.extend(state.artifacts.values().cloned().map(Change::Artifact));
        snapshot.push(Change::Synced);
        state.watchers.push(sender);
        drop(state);
        let changes = stream::poll_fn(move |context| receiver.poll_recv(context));
        stream::iter(snapshot).chain(changes).map(Ok).boxed()
    }

    /// The Secret of this name.
    pub fn secret(&self, name: &ObjectName) -> Option<Secret> {
        self.lock().secrets.get(name).cloned()
    }

    /// Changes the source when it is still the one that the caller knows.
    pub fn update_source(
        &self,
        source: &ExternalSource,
        change: impl FnOnce(&mut ExternalSource),
    ) -> Result<Arc<ExternalSource>, CatalogError> {
        let mut state = self.lock();
        let current = state.own(source)?;
        let mut object = ExternalSource::clone(&current.object);
        let invalid = current.invalid.clone();
        change(&mut object);
        if object == *current.object {
            return Ok(Arc::clone(&current.object));
        }
        object.metadata.resource_version = Some(state.next_version());
        Ok(state.put_source(ObjectName::of(source), ObservedSource { object: object.into(), invalid }))
    }

    /// Changes the source's artifact, which is empty when there is none, when the source is still the one that the
    /// caller knows.
    pub fn update_artifact(
        &self,
        source: &ExternalSource,
        change: impl FnOnce(&mut ExternalArtifact),
    ) -> Result<Arc<ExternalArtifact>, CatalogError> {
        let mut state = self.lock();
        state.own(source)?;
        let name = ObjectName::of(source);
        let before = state.artifacts.get(&name).cloned();
        let mut artifact = before.as_deref().cloned().unwrap_or_else(|| {
            let mut artifact = ExternalArtifact::new(&name.name, ExternalArtifactSpec::default());
            artifact.metadata = state.new_metadata(&name, "artifact");
            artifact
        });
        change(&mut artifact);
        if let Some(before) = before.filter(|before| **before == artifact) {
            return Ok(before);
        }
        artifact.metadata.resource_version = Some(state.next_version());
        let artifact = Arc::new(artifact);
        state.artifacts.insert(name, Arc::clone(&artifact));
        state.tell(&Change::Artifact(Arc::clone(&artifact)));
        Ok(artifact)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock leaves a state that is at worst one change behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn own(&self, source: &ExternalSource) -> Result<&ObservedSource, CatalogError> {
        let current = self.sources.get(&ObjectName::of(source));
        current.filter(|current| current.object.uid() == source.uid()).ok_or(CatalogError::Gone)
    }

    fn write(&mut self, manifest: SourceManifest) {
        let name = manifest.name.clone();
        let Some(current) = self.sources.get(&name) else {
            *self.lives.entry(name.clone()).or_default() += 1;
            let mut metadata = self.new_metadata(&name, "source");
            metadata.generation = Some(1);
            return self.write_as(ExternalSource { metadata, ..ExternalSource::default() }, manifest);
        };
        let mut object = ExternalSource::clone(&current.object);
        if object.spec != manifest.spec || current.invalid != manifest.invalid {
            object.metadata.generation = object.metadata.generation.map(|generation| generation + 1);
        } else if *object.labels() == manifest.labels && *object.annotations() == manifest.annotations {
            return;
        }
        object.metadata.resource_version = Some(self.next_version());
        self.write_as(object, manifest);
    }

    fn write_as(&mut self, mut object: ExternalSource, manifest: SourceManifest) {
        object.metadata.labels = Some(manifest.labels);
        object.metadata.annotations = Some(manifest.annotations);
        object.spec = manifest.spec;
        self.put_source(manifest.name, ObservedSource { object: object.into(), invalid: manifest.invalid });
    }

    fn put_source(&mut self, name: ObjectName, observed: ObservedSource) -> Arc<ExternalSource> {
        let object = Arc::clone(&observed.object);
        self.tell(&Change::Source(observed.clone()));
        self.sources.insert(name, observed);
        object
    }

    /// Removes a source, and with it what it owns, as the garbage collector of a cluster would.
    fn remove(&mut self, name: &ObjectName) {
        if let Some(source) = self.sources.remove(name) {
            let uid = source.object.uid().unwrap_or_default();
            self.tell(&Change::SourceGone { name: name.clone(), uid });
        }
        if self.artifacts.remove(name).is_some() {
            self.tell(&Change::ArtifactGone(name.clone()));
        }
    }

    fn tell(&mut self, change: &Change) {
        self.watchers.retain(|watcher| watcher.send(change.clone()).is_ok());
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn new_metadata(&mut self, name: &ObjectName, kind: &str) -> ObjectMeta {
        let life = self.lives.get(name).copied().unwrap_or_default();
        ObjectMeta {
            name: Some(name.name.to_string()),
            namespace: Some(name.namespace.to_string()),
            uid: Some(uid(&format!("{kind}/{name}#{life}"))),
            creation_timestamp: Some(Time(Timestamp::now())),
            resource_version: Some(self.next_version()),
            ..ObjectMeta::default()
        }
    }
}

/// A uid that is the same for the same text, in the form of a UUID.
fn uid(text: &str) -> String {
    let hex = Digest::of(text.as_bytes()).to_string();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}
