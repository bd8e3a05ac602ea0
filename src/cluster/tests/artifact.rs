//! Applying the ExternalArtifact itself.

use super::*;

#[tokio::test]
async fn an_artifact_is_applied_with_one_request_that_forces_nothing() {
    let (catalog, server) = catalog(vec![(200, our_artifact(&json!({})))]);
    let artifact = catalog.apply_artifact(&source()).await.unwrap();
    assert_eq!(artifact.metadata.managed_fields, None);
    let seen = requests(catalog, server).await;
    let [(line, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*line, format!("PATCH {ARTIFACT}?&{APPLY}"));
    let metadata = json!({"name": "a", "namespace": "ns",
        "labels": {"app.kubernetes.io/managed-by": "flux-externalsource-controller"},
        "ownerReferences": [{"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource", "name": "a",
            "uid": "uid-1", "controller": true, "blockOwnerDeletion": false}]});
    let spec = json!({"sourceRef": {"apiVersion": "source.flux.oddkin.co/v1alpha1", "kind": "ExternalSource",
        "name": "a", "namespace": "ns"}});
    let expected = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
        "metadata": metadata, "spec": spec});
    assert_eq!(*body, expected, "no status, and no annotation");
}

#[tokio::test]
async fn an_artifact_of_somebody_else_is_left_alone_and_its_owner_named() {
    for refusal in [failure(409, "Conflict", "conflict"), failure(422, "Invalid", "Only one reference")] {
        let (catalog, server) = catalog(vec![refusal, (200, artifact_json("uid-9", "ArtifactGenerator", &json!({})))]);
        let error = catalog.apply_artifact(&source()).await.unwrap_err();
        assert!(matches!(&error, CatalogError::Foreign { owner } if owner == "ArtifactGenerator a"), "{error:?}");
        assert_eq!(lines(catalog, server).await, [format!("PATCH {ARTIFACT}?&{APPLY}"), format!("GET {ARTIFACT}")]);
    }
}

#[tokio::test]
async fn an_artifact_of_ours_that_was_edited_is_taken_back_by_force() {
    let answers = vec![failure(409, "Conflict", "c"), (200, our_artifact(&json!({}))), (200, our_artifact(&json!({})))];
    let (catalog, server) = catalog(answers);
    catalog.apply_artifact(&source()).await.unwrap();
    let apply = format!("PATCH {ARTIFACT}?&{APPLY}");
    let forced = format!("PATCH {ARTIFACT}?&force=true&{APPLY}");
    assert_eq!(lines(catalog, server).await, [apply, format!("GET {ARTIFACT}"), forced]);
}

#[tokio::test]
async fn a_restored_artifact_loses_its_dead_owner_before_it_is_applied() {
    let restored = artifact_json("uid-dead", "ExternalSource", &json!({}));
    let answers = vec![
        failure(422, "Invalid", "Only one reference"),
        (200, restored),
        (200, our_artifact(&json!({}))),
        (200, our_artifact(&json!({}))),
    ];
    let (catalog, server) = catalog(answers);
    catalog.apply_artifact(&source()).await.unwrap();
    let seen = requests(catalog, server).await;
    assert_eq!(seen.len(), 4);
    let metadata = &seen[2].1["metadata"];
    assert_eq!(metadata["resourceVersion"], "20");
    let owners = metadata["ownerReferences"].as_array().unwrap();
    assert_eq!(owners.iter().map(|owner| &owner["uid"]).collect::<Vec<_>>(), ["uid-1"]);
    assert!(seen[3].0.contains("force=true"));
}

#[tokio::test]
async fn refusals_and_outages_are_told_apart() {
    let table = [
        (failure(403, "Forbidden", "namespace ns is being terminated"), "refused"),
        (failure(404, "NotFound", "namespaces \"ns\" not found"), "gone"),
        (failure(429, "TooManyRequests", "later"), "unavailable"),
        (failure(500, "InternalError", "failed calling webhook"), "unavailable"),
    ];
    for (answer, expected) in table {
        let (catalog, server) = catalog(vec![answer.clone()]);
        let error = catalog.apply_artifact(&source()).await.unwrap_err();
        let class = match &error {
            CatalogError::Refused { message, .. } if message.contains("terminated") => "refused",
            CatalogError::Gone => "gone",
            CatalogError::Unavailable { .. } => "unavailable",
            _ => "other",
        };
        assert_eq!(class, expected, "{answer:?}: {error:?}");
        assert_eq!(lines(catalog, server).await.len(), 1, "nothing is retried here");
    }
}
