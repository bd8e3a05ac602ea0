//! The Event objects, as the API server wants them
//! (<https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>).

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event as KubernetesEvent, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::Resource as _;
use serde_json::{Value, json};

use super::fold::Key;
use crate::api::FIELD_MANAGER;
use crate::catalog::{Event, EventType};

/// Longest note that the API server admits, in bytes.
const MAX_NOTE: usize = 1024;

/// Longest part of the subject's name in the event's name: with the time behind it, it stays below 253 characters.
const MAX_NAME: usize = 230;

/// Longest name of a reporting instance that the API server admits.
const MAX_INSTANCE: usize = 128;

/// The object that an event is about.
pub(super) type Subject = ObjectReference;

/// The source and, when it exists, its ExternalArtifact, for whom Flux's Alerts can be set up.
pub(super) fn subjects(event: &Event) -> Vec<Subject> {
    let reference = |mut subject: Subject, version: Option<String>| {
        subject.resource_version = version;
        subject
    };
    let source = reference(event.source.object_ref(&()), event.source.metadata.resource_version.clone());
    let artifact = event.artifact.as_ref();
    let artifact = artifact.map(|it| reference(it.object_ref(&()), it.metadata.resource_version.clone()));
    [Some(source), artifact].into_iter().flatten().collect()
}

/// What makes this event the same as an earlier one.
pub(super) fn key(event: &Event, subject: &Subject) -> Key {
    Key {
        uid: subject.uid.clone().unwrap_or_default(),
        type_: event.type_,
        reason: event.reason,
        message: event.message.clone(),
    }
}

/// The pod of this process, for what is about no object of a user.
pub(super) fn pod(namespace: &str, name: &str) -> Subject {
    Subject {
        api_version: Some("v1".into()),
        kind: Some("Pod".into()),
        namespace: Some(namespace.into()),
        name: Some(name.into()),
        ..Subject::default()
    }
}

/// The event object about `subject`.
pub(super) fn event(event: &Event, subject: &Subject, instance: &str) -> KubernetesEvent {
    note(event.type_, event.reason, &event.message, subject, instance)
}

/// The event object about `subject` from its parts.
pub(super) fn note(
    type_: EventType,
    reason: &str,
    message: &str,
    subject: &Subject,
    instance: &str,
) -> KubernetesEvent {
    let now = Timestamp::now();
    let instance = if instance.is_empty() { FIELD_MANAGER } else { instance };
    KubernetesEvent {
        metadata: ObjectMeta {
            name: Some(event_name(subject.name.as_deref().unwrap_or_default(), now)),
            namespace: subject.namespace.clone(),
            ..ObjectMeta::default()
        },
        action: Some("Reconcile".into()),
        event_time: Some(MicroTime(now)),
        note: Some(cut(message, MAX_NOTE).to_owned()),
        reason: Some(reason.into()),
        regarding: Some(subject.clone()),
        reporting_controller: Some(FIELD_MANAGER.into()),
        reporting_instance: Some(cut(instance, MAX_INSTANCE).to_owned()),
        type_: Some(match type_ {
            EventType::Normal => "Normal".into(),
            EventType::Warning => "Warning".into(),
        }),
        ..KubernetesEvent::default()
    }
}

/// The merge patch that says how often an event has happened.
pub(super) fn series(count: i32) -> Value {
    json!({"series": EventSeries { count, last_observed_time: MicroTime(Timestamp::now()) }})
}

fn event_name(subject: &str, now: Timestamp) -> String {
    let subject = cut(subject, MAX_NAME).trim_end_matches(['.', '-']);
    format!("{subject}.{:x}", now.as_nanosecond())
}

/// At most `limit` bytes of `text`, whole characters.
fn cut(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::api::{ExternalArtifact, ExternalSource};

    fn new_artifact(name: &str, message: &str) -> Event {
        let metadata = ObjectMeta { name: Some(name.into()), namespace: Some("ns".into()), ..ObjectMeta::default() };
        Event {
            source: Arc::new(ExternalSource { metadata: metadata.clone(), ..ExternalSource::default() }),
            artifact: Some(Arc::new(ExternalArtifact { metadata, ..ExternalArtifact::default() })),
            type_: EventType::Normal,
            reason: "NewArtifact",
            message: message.into(),
        }
    }

    #[test]
    fn an_event_is_about_the_source_and_about_its_artifact() {
        let told = new_artifact("a", "stored");
        let kinds: Vec<_> = subjects(&told).into_iter().filter_map(|subject| subject.kind).collect();
        assert_eq!(kinds, ["ExternalSource", "ExternalArtifact"]);
        let source_only = Event { artifact: None, ..told };
        assert_eq!(subjects(&source_only).len(), 1);
    }

    #[test]
    fn an_event_stays_within_the_limits_of_the_api_server() {
        let told = new_artifact(&format!("{}-{}", "a".repeat(229), "b".repeat(20)), &"é".repeat(2000));
        let object = event(&told, &subjects(&told)[0], &"i".repeat(500));
        let name = object.metadata.name.unwrap();
        assert!(name.len() <= 253 && name.starts_with(&"a".repeat(229)) && !name.contains("-."), "{name}");
        assert_eq!(object.note.unwrap().len(), 1024);
        assert_eq!(object.reporting_instance.unwrap().len(), 128);
        assert_eq!(object.metadata.namespace, object.regarding.unwrap().namespace);
    }
}
