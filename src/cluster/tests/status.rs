//! Applying statuses.

use super::*;

#[tokio::test]
async fn a_source_status_is_applied_with_one_guarded_request() {
    let (catalog, server) = catalog(vec![(200, source_json("uid-1", "11", &to_json(&source_status())))]);
    let written = catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    assert_eq!(written.metadata.resource_version.as_deref(), Some("11"));
    let seen = requests(catalog, server).await;
    let [(line, body)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*line, format!("PATCH {SOURCE}/status?&force=true&{APPLY}"));
    assert_eq!(body["metadata"], json!({"name": "a", "namespace": "ns", "resourceVersion": "10"}));
    assert_eq!(body["status"], to_json(&source_status()));
}

#[tokio::test]
async fn what_others_left_in_a_status_goes_with_one_more_patch() {
    let mut left = to_json(&source_status());
    left["conditions"].as_array_mut().unwrap().push(json!({"type": "Storing", "status": "False"}));
    left["oldField"] = json!("x");
    let answers =
        vec![(200, source_json("uid-1", "11", &left)), (200, source_json("uid-1", "12", &to_json(&source_status())))];
    let (catalog, server) = catalog(answers);
    let written = catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    assert_eq!(written.status.as_ref(), Some(&source_status()));
    let seen = requests(catalog, server).await;
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].0, format!("PATCH {SOURCE}/status?&{APPLY}"));
    let conditions = to_json(&source_status())["conditions"].clone();
    let patch = json!({"metadata": {"resourceVersion": "11"}, "status": {"conditions": conditions, "oldField": null}});
    assert_eq!(seen[1].1, patch);
}

#[tokio::test]
async fn a_status_meant_for_a_deleted_object_never_reaches_its_successor() {
    let answers = vec![failure(409, "Conflict", "modified"), (200, source_json("uid-new", "30", &json!({})))];
    let (catalog, server) = catalog(answers);
    let error = catalog.apply_source_status(&source(), &source_status()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Gone), "{error:?}");
    let status = format!("PATCH {SOURCE}/status?&force=true&{APPLY}");
    assert_eq!(lines(catalog, server).await, [status, format!("GET {SOURCE}")]);
}

#[tokio::test]
async fn a_status_of_an_object_that_moved_on_is_applied_to_its_newest_version() {
    let answers = vec![
        failure(409, "Conflict", "modified"),
        (200, source_json("uid-1", "30", &json!({}))),
        (200, source_json("uid-1", "31", &to_json(&source_status()))),
    ];
    let (catalog, server) = catalog(answers);
    catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    let seen = requests(catalog, server).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].1["metadata"]["resourceVersion"], "30");
}

#[tokio::test]
async fn the_status_of_an_unreadable_source_can_be_written() {
    let mut answer = source_json("uid-1", "11", &to_json(&source_status()));
    answer["spec"] = json!("nonsense");
    let (catalog, server) = catalog(vec![(200, answer)]);
    let written = catalog.apply_source_status(&source(), &source_status()).await.unwrap();
    assert_eq!(written.status.as_ref(), Some(&source_status()));
    assert_eq!(lines(catalog, server).await.len(), 1);
}

#[tokio::test]
async fn the_status_of_a_source_that_cannot_be_applied_to_is_patched() {
    let mut current = source_json("uid-1", "30", &json!({"observedGeneration": -1}));
    current["spec"] = json!("nonsense");
    let answers = vec![
        failure(500, "InternalError", "failed to convert new object"),
        (200, current),
        (200, source_json("uid-1", "31", &to_json(&source_status()))),
    ];
    let (patched, server) = catalog(answers);
    patched.apply_source_status(&source(), &source_status()).await.unwrap();
    let seen = requests(patched, server).await;
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].0, format!("PATCH {SOURCE}/status?&{APPLY}"));
    assert_eq!(seen[2].1, json!({"metadata": {"resourceVersion": "30"}, "status": to_json(&source_status())}));

    let outage = || failure(500, "InternalError", "etcdserver: leader changed");
    let (down, server) = catalog(vec![outage(), outage()]);
    let error = down.apply_source_status(&source(), &source_status()).await.unwrap_err();
    assert!(matches!(error, CatalogError::Unavailable { .. }), "{error:?}");
    assert_eq!(lines(down, server).await.len(), 2);
}

#[tokio::test]
async fn an_artifact_status_is_applied_with_one_request() {
    let (catalog, server) = catalog(vec![(200, our_artifact(&to_json(&artifact_status())))]);
    catalog.apply_artifact_status(&source(), &artifact_status()).await.unwrap();
    assert_eq!(lines(catalog, server).await, [format!("PATCH {ARTIFACT}/status?&force=true&{APPLY}")]);
}

#[tokio::test]
async fn an_artifact_status_that_met_another_owner_is_reported() {
    let status = to_json(&artifact_status());
    let table = [
        (failure(404, "NotFound", "not found"), "gone"),
        ((200, artifact_json("uid-new", "ExternalSource", &status)), "gone"),
        ((200, artifact_json("uid-9", "ArtifactGenerator", &status)), "foreign"),
    ];
    for (answer, expected) in table {
        let (catalog, server) = catalog(vec![answer]);
        let class = match catalog.apply_artifact_status(&source(), &artifact_status()).await {
            Err(CatalogError::Gone) => "gone",
            Err(CatalogError::Foreign { .. }) => "foreign",
            _ => "other",
        };
        assert_eq!(class, expected);
        assert_eq!(lines(catalog, server).await.len(), 1);
    }
}
