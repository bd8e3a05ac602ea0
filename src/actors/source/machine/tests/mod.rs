//! Tables of inputs and effects. Time is a number, the world is a script.

mod damage;
mod failures;
mod hooks;
mod objects;
mod properties;
mod races;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::activity::State;
use crate::api::ExternalArtifactStatus;
use crate::api::conditions::{self, types};
use crate::catalog::EventType;
use crate::digest::Digest;
use crate::generators::{Answer, Content};
use crate::pipeline::fetch::{Answered, Fetch, Fetched};
use crate::pipeline::package::{Archive, Packaged};
use crate::pipeline::publish::{Advertise, Publication, artifact_status};
use crate::pipeline::revision::Revision;
use crate::spool::Spools;

/// A machine with a world that does as it is told and applies what is published.
struct World {
    machine: Machine,
    elapsed: Duration,
    version: u64,
    effects: Vec<Effect>,
    /// Of the preRequest output in the request.
    input: Option<Digest>,
}

/// `{"generation": 1, "spec": {...}}` and the like, with usual values where nothing is said.
fn source(overrides: &Value) -> ObservedSource {
    let mut object = json!({
        "apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
        "metadata": {"namespace": "team-a", "name": "config", "uid": "u1", "generation": 1, "resourceVersion": "1"},
        "spec": {"interval": "10m", "generator": {"type": "http", "http": {"url": "http://origin/config.yaml"}}}
    });
    merge(&mut object, overrides);
    ObservedSource { object: Arc::new(serde_json::from_value(object).unwrap()), invalid: None }
}

fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

/// The ExternalArtifact as our writes would leave it.
fn external_artifact(source: &ExternalSource, version: u64) -> ExternalArtifact {
    let mut artifact = crate::catalog::desired_artifact(source);
    artifact.metadata.uid = Some("a1".to_owned());
    artifact.metadata.generation = Some(1);
    artifact.metadata.resource_version = Some(version.to_string());
    artifact.status = Some(ExternalArtifactStatus::default());
    artifact
}

impl World {
    fn new(observed: ObservedSource) -> Self {
        Self::with_artifact(observed, None)
    }

    fn with_artifact(observed: ObservedSource, artifact: Option<Arc<ExternalArtifact>>) -> Self {
        let machine = Machine::new(observed, Arc::new(ScheduleSettings::default()), 7);
        let mut world = Self { machine, elapsed: Duration::ZERO, version: 100, effects: Vec::new(), input: None };
        world.effects = world.machine.begin(artifact, world.now());
        world
    }

    fn now(&self) -> Now {
        let wall = Timestamp::from_second(1_700_000_000).unwrap() + self.elapsed;
        Now { elapsed: self.elapsed, wall }
    }

    fn step(&mut self, input: Input) -> &mut Self {
        self.effects = self.machine.step(input, self.now());
        self
    }

    fn end(&mut self, stage: StageEnd) -> &mut Self {
        let attempt = self.machine.attempt;
        self.step(Input::Ended(attempt, stage))
    }

    fn fire(&mut self, timer: Timer) -> &mut Self {
        let delay = self.delay(timer).unwrap_or_default();
        self.elapsed += delay;
        self.step(Input::Fired(timer))
    }

    /// The delay that the last effects set for this timer.
    fn delay(&self, timer: Timer) -> Option<Duration> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Set(set, delay) if *set == timer => Some(*delay),
            _ => None,
        })
    }

    fn started(&self) -> Vec<Job> {
        let job = |effect: &Effect| match effect {
            Effect::Start(_, work) => Some(work.job()),
            _ => None,
        };
        self.effects.iter().filter_map(job).collect()
    }

    /// The work of this kind that was started.
    fn work(&self, job: Job) -> Option<&Work> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Start(_, work) if work.job() == job => Some(work),
            _ => None,
        })
    }

    fn fetch(&self) -> &Fetch {
        let fetch = |effect| match effect {
            &Effect::Start(_, Work::Fetch(ref fetch)) => Some(fetch),
            _ => None,
        };
        self.effects.iter().find_map(fetch).expect("a fetch was started")
    }

    fn publication(&self) -> &Publication {
        let publication = |effect| match effect {
            &Effect::Start(_, Work::Publish(ref publication) | Work::Progress(ref publication)) => Some(publication),
            _ => None,
        };
        self.effects.iter().find_map(publication).expect("something was published")
    }

    fn told(&self) -> Vec<(EventType, &'static str)> {
        let told = |effect: &Effect| match effect {
            Effect::Tell(type_, reason, _) => Some((*type_, *reason)),
            _ => None,
        };
        self.effects.iter().filter_map(told).collect()
    }

    fn answer(&mut self, stored: bool, answer: Result<Answer, Failure>) -> &mut Self {
        let input = self.input;
        let answered = |answer| Answered {
            answer,
            fingerprint: "f1".to_owned(),
            input,
            origin: "http://origin/config.yaml".to_owned(),
            file_name: "config.yaml".to_owned(),
        };
        self.end(StageEnd::Fetched(Box::new(Fetched { stored: Some(stored), url: None, result: answer.map(answered) })))
    }

    fn content(&mut self, stored: bool, body: &'static str, etag: &str) -> &mut Self {
        let validators = Validators { etag: Some(etag.to_owned()), last_modified: None };
        let content = Content { body: Spools::from_bytes(body), validators, content_type: None, head: None };
        self.answer(stored, Ok(Answer::Content(content)))
    }

    fn packaged(&mut self, body: &'static str) -> &mut Self {
        let archive = Archive {
            bytes: Spools::from_bytes(format!("gz {body}")),
            revision: Revision(Digest::of(body.as_bytes())),
            manifests: 1,
        };
        self.end(StageEnd::Packaged(Ok(Packaged::Archive(archive))))
    }

    fn stored(&mut self) -> &mut Self {
        self.end(StageEnd::Stored(Ok("http://here/artifact".to_owned())))
    }

    /// Applies what was started last, as the API server would.
    fn apply(&mut self) -> &mut Self {
        let publication = self.publication().clone();
        let is_progress = self.started().contains(&Job::Progress);
        let mut published = Published::default();
        self.version += 1;
        if let Advertise::Artifact { artifact, ready } = &publication.advertise {
            let mut object = publication.artifact.as_deref().cloned().unwrap_or_else(|| {
                let mut object = external_artifact(&publication.source, self.version);
                object.metadata.uid = Some(format!("a{}", self.version));
                object
            });
            object.status = Some(artifact_status(&object, artifact.as_ref(), ready, self.now().wall));
            object.metadata.resource_version = Some(self.version.to_string());
            published.artifact = Some(Arc::new(object));
        }
        let mut source = publication.source.as_ref().clone();
        source.status = Some(publication.status);
        source.metadata.resource_version = Some(self.version.to_string());
        published.source = Some(Arc::new(source));
        let stage = if is_progress { StageEnd::Progressed(Ok(published)) } else { StageEnd::Published(Ok(published)) };
        self.end(stage)
    }

    /// A whole run with this content.
    fn run(&mut self, body: &'static str) -> &mut Self {
        self.content(false, body, "\"e1\"").packaged(body).stored().apply()
    }

    fn status(&self) -> &crate::api::ExternalSourceStatus {
        self.machine.source.status.as_ref().expect("a status")
    }

    fn condition(&self, type_: &str) -> Option<(String, String)> {
        let found = conditions::find(&self.status().conditions, type_)?;
        Some((found.status.clone(), found.reason.clone()))
    }

    /// The object as it stands, changed by somebody.
    fn changed(&mut self, overrides: &Value) -> ObservedSource {
        self.version += 1;
        let mut object = serde_json::to_value(self.machine.source.as_ref()).unwrap();
        merge(&mut object, overrides);
        merge(&mut object, &json!({"metadata": {"resourceVersion": self.version.to_string()}}));
        ObservedSource { object: Arc::new(serde_json::from_value(object).unwrap()), invalid: None }
    }

    fn change(&mut self, overrides: &Value) -> &mut Self {
        let changed = self.changed(overrides);
        self.step(Input::Observed(changed))
    }

    fn change_artifact(&mut self, overrides: &Value) -> &mut Self {
        self.version += 1;
        let mut object = serde_json::to_value(self.machine.artifact.as_deref().unwrap()).unwrap();
        merge(&mut object, overrides);
        merge(&mut object, &json!({"metadata": {"resourceVersion": self.version.to_string()}}));
        self.step(Input::ArtifactObserved(Some(Arc::new(serde_json::from_value(object).unwrap()))))
    }
}

fn failure(class: crate::failure::Class) -> Failure {
    Failure { class, reason: conditions::reasons::FETCH_FAILED, message: "the origin is on fire".to_owned() }
}

fn requested(token: &str) -> Value {
    json!({"metadata": {"annotations": {REQUESTED_AT: token}}})
}

fn ready() -> (String, String) {
    ("True".to_owned(), "Succeeded".to_owned())
}

/// A source whose artifact stands in the objects and in the storage.
fn settled() -> World {
    let mut world = World::new(source(&json!({})));
    world.run("a: 1");
    assert_eq!(world.condition(types::READY), Some(ready()));
    world
}

/// The same source after a restart of the controller.
fn restarted(world: &World) -> World {
    let observed = ObservedSource { object: Arc::clone(&world.machine.source), invalid: None };
    let mut restarted = World::with_artifact(observed, world.machine.artifact.clone());
    restarted.version = world.version;
    restarted
}
