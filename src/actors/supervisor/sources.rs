//! The actors of the sources: started when an object appears, stopped when it goes, restarted when they crash.

mod artifacts;
mod named;

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::sync::Arc;

use ractor::{Actor as _, ActorId, ActorProcessingErr, ActorRef};
use tokio::time::Instant;

use named::Named;

use super::fixed::STOP_TIMEOUT;
use super::{Child, SupervisorMsg};
use crate::actors::context::Context;
use crate::actors::restart::History;
use crate::actors::source::{SourceActor, SourceArgs, SourceMsg};
use crate::api::{ExternalArtifact, ObjectName};
use crate::catalog::ObservedSource;
use crate::pipeline::retire;
use crate::storage::{ArtifactKey, Integrity};
use crate::telemetry::metrics;

/// All sources that exist.
pub(super) struct Sources {
    context: Arc<Context>,
    children: HashMap<ObjectName, SourceChild>,
    by_actor: HashMap<ActorId, ObjectName>,
    /// Every ExternalArtifact in sight, with a source or without: one may appear before the other.
    artifacts: HashMap<ObjectName, Arc<ExternalArtifact>>,
    /// What all of them name.
    named: Named,
    /// What the watch has told since it began; `None` once it is in sync.
    told: Option<Told>,
    /// Number of the watch: what an earlier one still has to say does not count.
    watch: u64,
    started: Instant,
}

#[derive(Default)]
struct Told {
    sources: HashSet<ObjectName>,
    artifacts: HashSet<ObjectName>,
}

struct SourceChild {
    /// `None` once the object is gone and its actor is stopping.
    observed: Option<ObservedSource>,
    actor: Option<ActorRef<SourceMsg>>,
    /// The object of the actor is gone, and with the actor's end everything that it stored shall go.
    is_leaving: bool,
    history: History,
}

impl Sources {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            children: HashMap::new(),
            by_actor: HashMap::new(),
            artifacts: HashMap::new(),
            named: Named::default(),
            told: None,
            watch: 0,
            started: Instant::now(),
        }
    }

    /// A new watch, by its number, tells everything anew; what it does not tell is gone.
    pub(super) fn begin_watch(&mut self) -> u64 {
        self.told = Some(Told::default());
        self.watch += 1;
        self.watch
    }

    /// Whether this is the number of the latest watch.
    pub(super) fn is_current_watch(&self, watch: u64) -> bool {
        watch == self.watch
    }

    pub(super) async fn on_source(&mut self, observed: ObservedSource, myself: &ActorRef<SupervisorMsg>) {
        let name = ObjectName::of(observed.object.as_ref());
        if let Some(told) = &mut self.told {
            told.sources.insert(name.clone());
        }
        let uid = |observed: &ObservedSource| observed.object.metadata.uid.clone();
        let known = self.children.get(&name).and_then(|child| child.observed.as_ref()).map(uid);
        if known.is_some_and(|known| known != uid(&observed)) {
            // Deleted and created again while nobody watched.
            self.remove(&name);
        }
        if let Some(child) = self.children.get_mut(&name) {
            child.observed = Some(observed.clone());
            if let Some(actor) = &child.actor {
                let _ = actor.cast(SourceMsg::Observed(observed));
            }
        } else {
            let child =
                SourceChild { observed: Some(observed), actor: None, is_leaving: false, history: History::default() };
            self.children.insert(name.clone(), child);
            self.start(&name, myself).await;
        }
    }

    pub(super) fn on_gone(&mut self, name: &ObjectName, uid: &str) {
        let observed = self.children.get(name).and_then(|child| child.observed.as_ref());
        if observed.is_some_and(|observed| observed.object.metadata.uid.as_deref() == Some(uid)) {
            self.remove(name);
        }
    }

    /// Whether everything that existed at the beginning of the watch was told.
    pub(super) fn is_synced(&self) -> bool {
        self.told.is_none()
    }

    /// Whether a source of this name exists, or is on its way out.
    pub(super) fn knows(&self, name: &ObjectName) -> bool {
        self.children.contains_key(name)
    }

    /// Tells a source that what it advertises is damaged or gone.
    pub(super) fn rebuild(&self, key: ArtifactKey, found: Integrity) {
        if let Some(actor) = self.actor(key.source()) {
            let _ = actor.cast(SourceMsg::Unsound(key, found));
        }
    }

    /// Has a source look at its revisions.
    pub(super) fn retire(&self, name: &ObjectName) {
        if let Some(actor) = self.actor(name) {
            let _ = actor.cast(SourceMsg::Retire);
        }
    }

    fn actor(&self, name: &ObjectName) -> Option<&ActorRef<SourceMsg>> {
        self.children.get(name)?.actor.as_ref()
    }

    /// The watch is in sync: what it did not tell went away while nobody watched.
    pub(super) fn sweep(&mut self) {
        let Some(told) = self.told.take() else { return };
        let is_gone = |name: &&ObjectName| !told.sources.contains(*name);
        let gone: Vec<_> = self.children.keys().filter(is_gone).cloned().collect();
        for name in gone {
            self.remove(&name);
        }
        let is_gone = |name: &&ObjectName| !told.artifacts.contains(*name);
        let gone: Vec<_> = self.artifacts.keys().filter(is_gone).cloned().collect();
        for name in gone {
            self.on_artifact(&name, None);
        }
    }

    /// Starts the actor of a source that has none.
    pub(super) async fn start(&mut self, name: &ObjectName, myself: &ActorRef<SupervisorMsg>) {
        let Some(child) = self.children.get_mut(name) else { return };
        let (Some(observed), None) = (child.observed.clone(), &child.actor) else { return };
        let context = Arc::clone(&self.context);
        let args = SourceArgs { context, observed, artifact: self.artifacts.get(name).cloned() };
        match SourceActor::spawn_linked(None, SourceActor, args, myself.get_cell()).await {
            Ok((actor, _)) => {
                self.by_actor.insert(actor.get_id(), name.clone());
                child.actor = Some(actor);
            }
            Err(error) => self.restart_later(name, &error, myself),
        }
    }

    /// Stops the source's actor and then forgets what it stored. A successor of the same name starts only after that.
    fn remove(&mut self, name: &ObjectName) {
        let Some(child) = self.children.get_mut(name) else { return };
        child.observed = None;
        if let Some(actor) = &child.actor {
            child.is_leaving = true;
            actor.stop(None);
        } else {
            self.children.remove(name);
            self.forget(name);
        }
        self.context.presence.advertise(name, None);
        self.context.activities.remove(name);
    }

    /// Removes what a source that is gone has stored, but for what an ExternalArtifact still names. Comes after all that its actor submitted, whose end it needs, and
    /// before all that a successor will, because one source's storage work runs in its order.
    fn forget(&self, name: &ObjectName) {
        let (context, source) = (Arc::clone(&self.context), name.clone());
        let named = self.named.of(name);
        let forget = async move {
            if let Err(error) = retire::forget(context.storage.as_ref(), &source, &named).await {
                tracing::warn!(namespace = &*source.namespace, name = &*source.name, %error, "archives of a deleted source could not be removed");
            }
        };
        self.context.pools.storage.submit(name.clone(), Box::pin(forget));
    }

    pub(super) async fn on_stopped(&mut self, id: ActorId, myself: &ActorRef<SupervisorMsg>) {
        if let Some(name) = self.end(id) {
            self.start(&name, myself).await;
        }
    }

    pub(super) fn on_crashed(&mut self, id: ActorId, error: &ActorProcessingErr, myself: &ActorRef<SupervisorMsg>) {
        if let Some(name) = self.end(id) {
            self.restart_later(&name, error, myself);
        }
    }

    /// Takes note of an actor's end; the name of its source, unless that is gone too.
    fn end(&mut self, id: ActorId) -> Option<ObjectName> {
        let name = self.by_actor.remove(&id)?;
        let child = self.children.get_mut(&name)?;
        child.actor = None;
        let is_gone = child.observed.is_none();
        if std::mem::take(&mut child.is_leaving) {
            child.history = History::default();
            self.forget(&name);
        }
        if !is_gone {
            return Some(name);
        }
        self.children.remove(&name);
        // What the actor said of itself in its last handler goes with it.
        self.context.activities.remove(&name);
        self.context.presence.advertise(&name, None);
        None
    }

    /// A source that crashes again and again is never given up: it troubles only itself.
    fn restart_later(&mut self, name: &ObjectName, error: &dyn Display, myself: &ActorRef<SupervisorMsg>) {
        let Some(child) = self.children.get_mut(name) else { return };
        tracing::error!(actor = "source", namespace = &*name.namespace, name = &*name.name, %error, "an actor crashed");
        metrics::actor_restarted("source");
        let delay = child.history.failed_alone(self.started.elapsed());
        let restart = Child::Source(name.clone());
        myself.send_after(delay, move || SupervisorMsg::Restart(restart));
    }

    /// Stops all actors and forgets all objects, but nothing that is stored of those that exist.
    pub(super) async fn stop_all(&mut self) {
        let actors: Vec<_> = self.children.values().filter_map(|child| child.actor.clone()).collect();
        let stops = actors.iter().map(|actor| actor.stop_and_wait(None, Some(STOP_TIMEOUT)));
        futures::future::join_all(stops).await;
        for (name, child) in &self.children {
            self.context.activities.remove(name);
            if child.is_leaving {
                self.forget(name);
            }
        }
        self.children.clear();
        self.by_actor.clear();
        self.artifacts.clear();
        self.named.clear();
        self.told = Some(Told::default());
    }
}
