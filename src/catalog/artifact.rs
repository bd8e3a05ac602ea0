//! The ExternalArtifact of a source: what it shall be, whether one is it, and to whom one belongs.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use kube::{Resource as _, ResourceExt as _};

use crate::api::{
    ExternalArtifact, ExternalArtifactSpec, ExternalSource, FIELD_MANAGER, MANAGED_BY, MANAGED_BY_LABEL, ObjectName,
    SourceReference,
};
use crate::storage::ArtifactKey;

/// What we say about the object: nothing of the status, and no annotation (others put `requestedAt` there).
pub fn desired_artifact(source: &ExternalSource) -> ExternalArtifact {
    let name = ObjectName::of(source);
    ExternalArtifact {
        metadata: ObjectMeta {
            name: Some(name.name.to_string()),
            namespace: Some(name.namespace.to_string()),
            labels: Some([(MANAGED_BY_LABEL.to_owned(), MANAGED_BY.to_owned())].into()),
            owner_references: Some(vec![owner_reference(source)]),
            ..ObjectMeta::default()
        },
        spec: ExternalArtifactSpec {
            source_ref: Some(SourceReference {
                api_version: Some(ExternalSource::api_version(&()).into_owned()),
                kind: ExternalSource::kind(&()).into_owned(),
                name: name.name.to_string(),
                namespace: Some(name.namespace.to_string()),
            }),
        },
        status: None,
    }
}

/// We do not block the owner's deletion: that would need the right to update its finalizers where the admission plugin
/// `OwnerReferencesPermissionEnforcement` is on, and nothing has to happen before the source may go.
pub fn owner_reference(source: &ExternalSource) -> OwnerReference {
    OwnerReference {
        api_version: ExternalSource::api_version(&()).into_owned(),
        kind: ExternalSource::kind(&()).into_owned(),
        name: source.name_any(),
        uid: source.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(false),
    }
}

/// Whether everything but the status is as [`desired_artifact`] has it; labels and owners that others add may stay.
pub fn is_in_shape(artifact: &ExternalArtifact, source: &ExternalSource) -> bool {
    let desired = desired_artifact(source);
    let owns = |wanted: &OwnerReference| {
        artifact.owner_references().iter().any(|owner| owner.controller == wanted.controller && owner.uid == wanted.uid)
    };
    desired.owner_references().iter().all(owns)
        && desired.labels().iter().all(|(name, value)| artifact.labels().get(name) == Some(value))
        && artifact.spec == desired.spec
}

/// Whether `artifact` is the one that `source` produces: its sourceRef, or its controller, names our kind and this
/// source. After a restore the owner's uid may differ, so uids do not count.
pub fn is_artifact_of(artifact: &ExternalArtifact, source: &ObjectName) -> bool {
    let names_us = |kind: &str, api_version: Option<&str>, name: &str| {
        let group = api_version.map(|v| v.split('/').next().unwrap_or_default());
        kind == ExternalSource::kind(&())
            && group.is_none_or(|g| g == ExternalSource::group(&()))
            && *name == *source.name
    };
    let same_namespace = |namespace: &Option<String>| namespace.as_deref().is_none_or(|ns| *ns == *source.namespace);
    let by_reference = artifact.spec.source_ref.as_ref().is_some_and(|reference| {
        names_us(&reference.kind, reference.api_version.as_deref(), &reference.name)
            && same_namespace(&reference.namespace)
    });
    let mut owners = artifact.owner_references().iter();
    let by_owner = owners
        .any(|owner| owner.controller == Some(true) && names_us(&owner.kind, Some(&owner.api_version), &owner.name));
    by_reference || by_owner
}

/// The archives that `artifact` names, by its path and by its URL, which others may have written.
pub fn named_keys(artifact: &ExternalArtifact) -> Vec<ArtifactKey> {
    let Some(advertised) = artifact.status.as_ref().and_then(|status| status.artifact.as_ref()) else {
        return Vec::new();
    };
    let url = advertised.url.split(['?', '#']).next().unwrap_or_default();
    // The last three segments are namespace, name and file; what stands before them is the server's business.
    let in_url = |url: &str| {
        let mut segments = url.rsplitn(4, '/');
        let (file, name, namespace) = (segments.next()?, segments.next()?, segments.next()?);
        ArtifactKey::parse(namespace, name, file).ok()
    };
    let mut keys: Vec<_> = advertised.path.parse().ok().into_iter().chain(in_url(url)).collect();
    keys.dedup();
    keys
}

/// Whom `artifact` belongs to, for people: its sourceRef, else its controller, else who made it, as far as `managers`
/// (the field managers that wrote it) are known.
pub fn owner_of(artifact: &ExternalArtifact, managers: &[String]) -> String {
    if let Some(reference) = &artifact.spec.source_ref {
        let namespace = reference.namespace.as_deref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        return format!("{} {namespace}{}", reference.kind, reference.name);
    }
    let controller = artifact.owner_references().iter().find(|owner| owner.controller == Some(true));
    if let Some(owner) = controller {
        return format!("{} {}", owner.kind, owner.name);
    }
    let managers: Vec<_> = managers.iter().filter(|manager| *manager != FIELD_MANAGER).map(String::as_str).collect();
    if managers.is_empty() {
        "somebody else (it names no sourceRef)".to_owned()
    } else {
        format!("the field manager {}", managers.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> ExternalSource {
        let mut source = ExternalSource::default();
        source.metadata.namespace = Some("team-a".to_owned());
        source.metadata.name = Some("config".to_owned());
        source.metadata.uid = Some("u1".to_owned());
        source
    }

    #[test]
    fn what_others_add_is_in_shape_and_what_they_change_is_not() {
        let mut artifact = desired_artifact(&source());
        artifact.labels_mut().insert("team".to_owned(), "a".to_owned());
        artifact.annotations_mut().insert("note".to_owned(), "theirs".to_owned());
        let other = OwnerReference { uid: "u2".to_owned(), controller: None, ..owner_reference(&source()) };
        artifact.owner_references_mut().insert(0, other);
        assert!(is_in_shape(&artifact, &source()));
        let changes: [fn(&mut ExternalArtifact); 5] = [
            |artifact| drop(artifact.labels_mut().remove(MANAGED_BY_LABEL)),
            |artifact| drop(artifact.owner_references_mut().pop()),
            |artifact| artifact.spec.source_ref = None,
            |artifact| artifact.spec.source_ref.as_mut().unwrap().namespace = None,
            |artifact| artifact.spec.source_ref.as_mut().unwrap().api_version = Some("example.com/v1".to_owned()),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut edited = artifact.clone();
            change(&mut edited);
            assert!(!is_in_shape(&edited, &source()), "change {number}");
        }
    }

    #[test]
    fn an_archive_is_named_by_path_and_by_url() {
        let digest = |text: &str| crate::digest::Digest::of(text.as_bytes());
        let key = |name: &str| ArtifactKey::new(ObjectName::new("team-a", name), digest(name));
        let file = format!("team-a/b/{}.tar.gz", digest("b"));
        for (path, url, named) in [
            (String::new(), String::new(), vec![]),
            (key("a").to_string(), format!("http://here/{}", key("a")), vec![key("a")]),
            (key("a").to_string(), format!("http://here/{file}?x=/"), vec![key("a"), key("b")]),
            ("elsewhere".into(), format!("https://bucket.example.com/prefix/artifacts/{file}"), vec![key("b")]),
            ("elsewhere".into(), "http://here/latest.tar.gz".into(), vec![]),
        ] {
            let mut artifact = desired_artifact(&source());
            let status = serde_json::json!({"artifact": {"path": path, "url": url}});
            artifact.status = Some(serde_json::from_value(status).unwrap());
            assert_eq!(named_keys(&artifact), named, "{path} {url}");
        }
        assert_eq!(named_keys(&desired_artifact(&source())), []);
    }
}
