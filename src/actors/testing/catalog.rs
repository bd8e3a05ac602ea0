//! A catalog in memory. Writes are applied and echoed as the API server would; what a watch tells is up to the test,
//! and so is its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt as _};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::api::{
    ExternalArtifact, ExternalArtifactStatus, ExternalSource, ExternalSourceStatus, ObjectName, conditions,
};
use crate::catalog::{Catalog, CatalogError, Change, Event, ObservedSource, desired_artifact};
use crate::generators::Secret;

/// The objects and the watches on them.
#[derive(Default)]
pub struct FakeCatalog {
    state: Mutex<State>,
    held: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    sources: BTreeMap<ObjectName, Arc<ExternalSource>>,
    artifacts: BTreeMap<ObjectName, Arc<ExternalArtifact>>,
    version: u64,
    watches: Vec<Watch>,
    is_broken: bool,
    /// All when there is none.
    namespace: Option<String>,
    begun: usize,
    applied: usize,
    events: usize,
}

/// The test's end of a watch.
struct Watch {
    changes: Option<UnboundedSender<Change>>,
    stream: Weak<()>,
}

impl FakeCatalog {
    /// A new object of this name, another one than any before; its origin's address is the name. Told to nobody.
    pub fn put(&self, name: &ObjectName) -> Arc<ExternalSource> {
        let mut state = self.state();
        let version = state.next_version();
        let source = serde_json::from_value(json!({
            "metadata": {"namespace": *name.namespace, "name": *name.name, "uid": format!("source-{version}"),
                "generation": 1, "resourceVersion": version},
            "spec": {"interval": "10m", "generator": {"type": "fake", "http": {"url": *name.name}}},
        }));
        let source = Arc::new(source.unwrap());
        state.sources.insert(name.clone(), Arc::clone(&source));
        source
    }

    /// [`Self::put`], and tells it.
    pub fn create(&self, name: &ObjectName) {
        let source = self.put(name);
        self.tell(observed(source));
    }

    /// Changes a value of the object, such as `/metadata/annotations`, and tells it.
    pub fn edit(&self, name: &ObjectName, pointer: &str, value: Value) -> Arc<ExternalSource> {
        let mut state = self.state();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let mut object = serde_json::to_value(state.sources[name].as_ref()).unwrap();
        object.pointer_mut(parent).unwrap()[field] = value;
        object["metadata"]["resourceVersion"] = state.next_version().into();
        let source: Arc<ExternalSource> = Arc::new(serde_json::from_value(object).unwrap());
        state.sources.insert(name.clone(), Arc::clone(&source));
        state.echo(observed(Arc::clone(&source)));
        source
    }

    /// Removes the object and what it owns without telling anybody; the object's uid.
    pub fn vanish(&self, name: &ObjectName) -> String {
        let mut state = self.state();
        state.artifacts.remove(name);
        state.sources.remove(name).unwrap().uid().unwrap()
    }

    /// Removes the object and what it owns, and tells it.
    pub fn delete(&self, name: &ObjectName) {
        let uid = self.vanish(name);
        self.tell(Change::SourceGone { name: name.clone(), uid });
        self.tell(Change::ArtifactGone(name.clone()));
    }

    /// Removes the ExternalArtifact without telling anybody.
    pub fn lose_artifact(&self, name: &ObjectName) {
        self.state().artifacts.remove(name).unwrap();
    }

    /// Whether both objects advertise the same archive.
    pub fn is_ready(&self, name: &ObjectName) -> bool {
        let state = self.state();
        let status = state.sources.get(name).and_then(|source| source.status.as_ref());
        let Some(status) = status else { return false };
        let advertised = state.artifacts.get(name).and_then(|artifact| artifact.status.as_ref()?.artifact.as_ref());
        conditions::is_true(&status.conditions, conditions::types::READY)
            && status.artifact.as_ref().map(|artifact| &artifact.path) == advertised.map(|artifact| &artifact.path)
            && advertised.is_some()
    }

    /// Watches nothing but this namespace.
    pub fn watch_only(&self, namespace: &str) {
        self.state().namespace = Some(namespace.to_owned());
    }

    /// There is this ExternalArtifact, and it is told.
    pub fn put_artifact(&self, artifact: ExternalArtifact) {
        let mut state = self.state();
        let artifact = Arc::new(artifact);
        state.artifacts.insert(ObjectName::of(artifact.as_ref()), Arc::clone(&artifact));
        state.echo(Change::Artifact(artifact));
    }

    /// Tells a change in the newest watch.
    pub fn tell(&self, change: Change) {
        self.state().echo(change);
    }

    /// Tells a change in the watch of this number; the first is 1.
    pub fn tell_in(&self, watch: usize, change: Change) {
        let _ = self.state().watches[watch - 1].changes.as_ref().unwrap().send(change);
    }

    /// Tells everything that exists, and that this is all.
    pub fn list(&self) {
        let mut state = self.state();
        let sources: Vec<_> = state.sources.values().cloned().map(observed).collect();
        let artifacts: Vec<_> = state.artifacts.values().cloned().map(Change::Artifact).collect();
        sources.into_iter().chain(artifacts).chain([Change::Synced]).for_each(|change| state.echo(change));
    }

    /// Ends the newest watch.
    pub fn end_watch(&self) {
        self.state().watches.last_mut().unwrap().changes = None;
    }

    /// From now on every watch ends at once.
    pub fn break_watches(&self) {
        self.state().is_broken = true;
    }

    /// Watches that were ever opened.
    pub fn watches(&self) -> usize {
        self.state().watches.len()
    }

    /// Numbers of the watches that somebody still listens to.
    pub fn open(&self) -> Vec<usize> {
        let state = self.state();
        let is_open = |(_, watch): &(usize, &Watch)| watch.stream.strong_count() > 0;
        state.watches.iter().enumerate().filter(is_open).map(|(at, _)| at + 1).collect()
    }

    /// Whether writes wait before they are applied.
    pub fn hold_writes(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Writes that were begun, and those that were applied.
    pub fn writes(&self) -> (usize, usize) {
        let state = self.state();
        (state.begun, state.applied)
    }

    /// How often people were told something.
    pub fn events(&self) -> usize {
        self.state().events
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Waits while writes are held, then says whether the object is still the one that the caller knows.
    async fn begin_write(&self, source: &ExternalSource) -> Result<MutexGuard<'_, State>, CatalogError> {
        self.state().begun += 1;
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let mut state = self.state();
        let current = state.sources.get(&ObjectName::of(source));
        if current.is_none_or(|current| current.uid() != source.uid()) {
            return Err(CatalogError::Gone);
        }
        state.applied += 1;
        Ok(state)
    }

    async fn write_artifact(
        &self,
        source: &ExternalSource,
        change: impl FnOnce(&mut ExternalArtifact) + Send,
    ) -> Result<Arc<ExternalArtifact>, CatalogError> {
        let mut state = self.begin_write(source).await?;
        let version = state.next_version();
        let name = ObjectName::of(source);
        let new = || {
            let metadata =
                json!({"namespace": *name.namespace, "name": *name.name, "uid": format!("artifact-{version}")});
            serde_json::from_value(json!({"metadata": metadata, "spec": {}})).unwrap()
        };
        let mut artifact = state.artifacts.get(&name).map_or_else(new, |artifact| artifact.as_ref().clone());
        change(&mut artifact);
        artifact.metadata.resource_version = Some(version);
        let artifact = Arc::new(artifact);
        state.artifacts.insert(name, Arc::clone(&artifact));
        state.echo(Change::Artifact(Arc::clone(&artifact)));
        Ok(artifact)
    }
}

impl State {
    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    fn echo(&mut self, change: Change) {
        if let Some(changes) = self.watches.last().and_then(|watch| watch.changes.as_ref()) {
            let _ = changes.send(change);
        }
    }
}

/// The source exists like this.
pub fn observed(object: Arc<ExternalSource>) -> Change {
    Change::Source(ObservedSource { object, invalid: None })
}

#[async_trait]
impl Catalog for FakeCatalog {
    fn watch(&self) -> BoxStream<'static, Result<Change, CatalogError>> {
        let (changes, mut receiver) = unbounded_channel();
        let open = Arc::new(());
        let mut state = self.state();
        let changes = (!state.is_broken).then_some(changes);
        state.watches.push(Watch { changes, stream: Arc::downgrade(&open) });
        let next = stream::poll_fn(move |context| receiver.poll_recv(context));
        // The stream is open as long as it holds this.
        next.map(move |change| (Arc::clone(&open), Ok(change)).1).boxed()
    }

    fn is_watched(&self, namespace: &str) -> bool {
        self.state().namespace.as_deref().is_none_or(|watched| watched == namespace)
    }

    async fn secret(&self, _: &str, _: &str) -> Result<Option<Secret>, CatalogError> {
        Ok(None)
    }

    async fn apply_artifact(&self, source: &ExternalSource) -> Result<Arc<ExternalArtifact>, CatalogError> {
        let write = |artifact: &mut ExternalArtifact| {
            let desired = desired_artifact(source);
            artifact.labels_mut().extend(desired.metadata.labels.unwrap_or_default());
            artifact.metadata.owner_references = desired.metadata.owner_references;
            artifact.spec = desired.spec;
        };
        self.write_artifact(source, write).await
    }

    async fn apply_artifact_status(
        &self,
        source: &ExternalSource,
        status: &ExternalArtifactStatus,
    ) -> Result<Arc<ExternalArtifact>, CatalogError> {
        self.write_artifact(source, |artifact| artifact.status = Some(status.clone())).await
    }

    async fn apply_source_status(
        &self,
        source: &ExternalSource,
        status: &ExternalSourceStatus,
    ) -> Result<Arc<ExternalSource>, CatalogError> {
        let mut state = self.begin_write(source).await?;
        let name = ObjectName::of(source);
        let mut object = state.sources[&name].as_ref().clone();
        object.status = Some(status.clone());
        object.metadata.resource_version = Some(state.next_version());
        let object = Arc::new(object);
        state.sources.insert(name, Arc::clone(&object));
        state.echo(observed(Arc::clone(&object)));
        Ok(object)
    }

    async fn remove_legacy_finalizer(&self, _: &ExternalSource) -> Result<(), CatalogError> {
        Ok(())
    }

    fn tell(&self, _: Event) {
        self.state().events += 1;
    }
}
