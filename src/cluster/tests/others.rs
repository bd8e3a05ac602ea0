//! The fence, the old finalizer, Secrets, definitions and events.

use super::*;
use crate::catalog::EventType;

fn lease() -> LeaseSettings {
    LeaseSettings {
        name: "lease".into(),
        namespace: "flux-system".into(),
        identity: "me".into(),
        duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
    }
}

#[tokio::test]
async fn without_the_lease_nothing_is_sent() {
    let (client, server) = serve(Vec::new());
    let connection = ClusterCatalog::over(&client, ClusterSettings { lease: Some(lease()), ..settings() });
    drop(client);
    assert_eq!(*connection.leadership.borrow(), Leadership::Unknown);
    let catalog = connection.catalog;
    let mut source = source();
    source.metadata.finalizers = Some(vec![crate::api::LEGACY_FINALIZER.into()]);
    let outcomes = [
        catalog.apply_artifact(&source).await.err(),
        catalog.apply_artifact_status(&source, &artifact_status()).await.err(),
        catalog.apply_source_status(&source, &source_status()).await.err(),
        catalog.remove_legacy_finalizer(&source).await.err(),
    ];
    assert!(outcomes.iter().all(|error| matches!(error, Some(CatalogError::NotLeader))), "{outcomes:?}");
    drop(connection.lease);
    assert_eq!(lines(catalog, server).await, [""; 0]);
}

#[tokio::test]
async fn lease_durations_that_overlap_are_refused() {
    let lease = LeaseSettings { renew_deadline: Duration::from_secs(15), ..lease() };
    let outcome = ClusterCatalog::connect(ClusterSettings { lease: Some(lease), ..settings() }).await;
    assert!(matches!(outcome.err(), Some(ConnectError::Lease)));
}

#[tokio::test]
async fn the_old_finalizer_is_taken_off_and_others_stay() {
    let mut source = source();
    let (unneeded, server) = catalog(Vec::new());
    unneeded.remove_legacy_finalizer(&source).await.unwrap();
    assert_eq!(lines(unneeded, server).await, [""; 0]);

    source.metadata.finalizers = Some(vec!["other/one".into(), crate::api::LEGACY_FINALIZER.into()]);
    let (needed, server) = catalog(vec![(200, source_json("uid-1", "11", &json!({})))]);
    needed.remove_legacy_finalizer(&source).await.unwrap();
    let seen = requests(needed, server).await;
    let patch = json!({"metadata": {"resourceVersion": "10", "finalizers": ["other/one"]}});
    assert_eq!(seen, [(format!("PATCH {SOURCE}?&{APPLY}"), patch)]);

    let (gone, server) = catalog(vec![failure(404, "NotFound", "not found")]);
    gone.remove_legacy_finalizer(&source).await.unwrap();
    assert_eq!(lines(gone, server).await.len(), 1);
}

#[tokio::test]
async fn a_secret_is_read_by_name_and_versioned_without_its_data() {
    let secret =
        json!({"metadata": {"name": "s", "uid": "u", "resourceVersion": "7"}, "data": {"Token": "aHVudGVyMg=="}});
    let (found, server) = catalog(vec![(200, secret)]);
    let secret = found.secret("ns", "s").await.unwrap().unwrap();
    assert_eq!((secret.version.as_str(), secret.data["Token"].as_slice()), ("u/7", b"hunter2".as_slice()));
    assert_eq!(lines(found, server).await, ["GET /api/v1/namespaces/ns/secrets/s"]);

    let (missing, _server) = catalog(vec![failure(404, "NotFound", "not found")]);
    assert_eq!(missing.secret("ns", "s").await.unwrap(), None);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_not_quoted() {
    for answer in [json!({"metadata": {}, "data": {"Token": ["hunter2"]}}), json!("hunter2")] {
        let (catalog, _server) = catalog(vec![(200, answer)]);
        let error = catalog.secret("ns", "s").await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_cluster_is_known_by_its_oldest_namespace_unless_that_is_kept_from_us() {
    let (known, server) = catalog(vec![(200, json!({"metadata": {"name": "kube-system", "uid": "u-1"}}))]);
    assert_eq!(known.cluster_id().await.unwrap().as_deref(), Some("u-1"));
    assert_eq!(lines(known, server).await, ["GET /api/v1/namespaces/kube-system"]);
    for answer in [failure(403, "Forbidden", "no"), failure(404, "NotFound", "no"), (200, json!({"metadata": {}}))] {
        let (unknown, _server) = catalog(vec![answer]);
        assert_eq!(unknown.cluster_id().await.unwrap(), None);
    }
    let (down, _server) = catalog(vec![failure(503, "ServiceUnavailable", "starting")]);
    assert!(down.cluster_id().await.is_err());
}

#[tokio::test]
async fn a_missing_definition_is_named_with_its_remedy() {
    let served = |plural| (200, json!({"resources": [{"name": plural}]}));
    let (both, _server) = catalog(vec![served("externalsources"), served("externalartifacts")]);
    both.check_crds().await.unwrap();
    let (neither, _server) = catalog(vec![failure(404, "NotFound", "not found")]);
    assert!(matches!(neither.check_crds().await, Err(CrdError::NoExternalSource)));
    let (old_flux, _server) = catalog(vec![served("externalsources"), served("gitrepositories")]);
    let error = old_flux.check_crds().await.unwrap_err();
    assert!(matches!(error, CrdError::NoExternalArtifact) && error.to_string().contains("Flux >= 2.7"), "{error}");
    let (down, _server) = catalog(vec![failure(503, "ServiceUnavailable", "starting")]);
    assert!(matches!(down.check_crds().await, Err(CrdError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn events_are_told_on_both_objects_and_folded_when_they_repeat() {
    let (catalog, server) = catalog(vec![(201, json!({})); 4]);
    let artifact: ExternalArtifact = serde_json::from_value(our_artifact(&json!({}))).unwrap();
    let event = Event {
        source: Arc::new(source()),
        artifact: Some(Arc::new(artifact)),
        type_: EventType::Normal,
        reason: "NewArtifact",
        message: "stored".into(),
    };
    catalog.tell(event.clone());
    catalog.tell(event.clone());
    tokio::time::sleep(Duration::from_secs(90)).await;
    catalog.tell(event);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let seen = requests(catalog, server).await;
    let lines: Vec<_> = seen.iter().map(|(line, _)| line.split('?').next().unwrap_or_default()).collect();
    let events = "/apis/events.k8s.io/v1/namespaces/ns/events";
    let name = |index: usize| seen[index].1["metadata"]["name"].as_str().unwrap().to_owned();
    let patch = |index: usize| format!("PATCH {events}/{}", name(index));
    assert_eq!(lines, [format!("POST {events}"), format!("POST {events}"), patch(0), patch(1)]);
    assert_eq!(seen[1].1["regarding"]["kind"], "ExternalArtifact");
    assert_eq!(seen[0].1["reportingInstance"], "pod-0");
    assert_eq!(seen[2].1["series"]["count"], 3);
}
