//! Objects as the API server would keep them.

use super::*;

#[tokio::test]
async fn an_edit_is_a_new_generation_of_the_same_object() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", &source("a", "http://x/2"));
    let second = fixture.next_source().await;
    assert_eq!((url(&second), second.object.metadata.generation), ("http://x/2", Some(2)));
    fixture.write("a.yaml", &source("a", "http://x/2").replace("name: a", "name: a\n  annotations: {b: c}"));
    let third = fixture.next_source().await;
    assert_eq!(third.object.metadata.generation, Some(2));
    assert_eq!(third.object.annotations()["b"], "c");
    assert_eq!(third.object.uid(), second.object.uid());
    assert_ne!(third.object.resource_version(), second.object.resource_version());
}

#[tokio::test]
async fn uids_depend_on_the_name_alone_until_an_object_comes_back() {
    let text = source("a", "http://x/1");
    let mut one = Fixture::open(&[("a.yaml", &text)]).await;
    let mut other = Fixture::open(&[("a.yaml", &text)]).await;
    let uid = |source: &ObservedSource| source.object.uid().unwrap();
    one.write("a.yaml", &source("a", "http://x/2"));
    other.write("a.yaml", &source("a", "http://x/2"));
    let first = uid(&one.next_source().await);
    assert_eq!(first, uid(&other.next_source().await));

    fs::remove_file(one.folder.path().join("a.yaml")).unwrap();
    match one.next().await {
        Change::SourceGone { name, uid } => assert_eq!((name.to_string().as_str(), &uid), ("default/a", &first)),
        other => panic!("{other:?}"),
    }
    one.write("a.yaml", &text);
    let back = one.next_source().await;
    assert_ne!(uid(&back), first);
    assert_eq!(back.object.metadata.generation, Some(1));
}

#[tokio::test]
async fn writes_are_told_to_the_watch_once() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", &source("a", "http://x/2"));
    let source = fixture.next_source().await.object;
    let artifact = fixture.catalog.apply_artifact(&source).await.unwrap();
    assert!(is_artifact_of(&artifact, &ObjectName::of(&*source)));
    assert_eq!(artifact.owner_references()[0].uid, source.uid().unwrap());
    assert!(matches!(fixture.next().await, Change::Artifact(told) if told == artifact));

    let again = fixture.catalog.apply_artifact(&source).await.unwrap();
    assert_eq!(again.resource_version(), artifact.resource_version());
    let status = ExternalArtifactStatus { conditions: vec![conditions::ready("x")], ..Default::default() };
    let artifact = fixture.catalog.apply_artifact_status(&source, &status).await.unwrap();
    assert_eq!(artifact.status.as_ref(), Some(&status));
    // The second apply changed nothing and was not told.
    assert!(matches!(fixture.next().await, Change::Artifact(told) if told == artifact));

    let status = ExternalSourceStatus { observed_generation: Some(2), ..Default::default() };
    let updated = fixture.catalog.apply_source_status(&source, &status).await.unwrap();
    assert_eq!((updated.status.as_ref(), updated.metadata.generation), (Some(&status), Some(2)));
    assert_eq!(fixture.next_source().await.object, updated);
}

#[tokio::test]
async fn a_status_outlives_edits() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", &source("a", "http://x/2"));
    let source_object = fixture.next_source().await.object;
    let status = ExternalSourceStatus { observed_generation: Some(2), ..Default::default() };
    fixture.catalog.apply_source_status(&source_object, &status).await.unwrap();
    fixture.next_source().await;
    fixture.write("a.yaml", &source("a", "http://x/3"));
    assert_eq!(fixture.next_source().await.object.status, Some(status));
}

#[tokio::test]
async fn a_deleted_source_takes_its_artifact_along_and_accepts_no_writes() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", &source("a", "http://x/2"));
    let source_object = fixture.next_source().await.object;
    fixture.catalog.apply_artifact(&source_object).await.unwrap();
    fixture.next().await;
    fs::remove_file(fixture.folder.path().join("a.yaml")).unwrap();
    assert!(matches!(fixture.next().await, Change::SourceGone { .. }));
    assert!(matches!(fixture.next().await, Change::ArtifactGone(name) if name.to_string() == "default/a"));
    fixture.write("a.yaml", &source("a", "http://x/2"));
    fixture.next_source().await;
    // The new object of the same name is another one.
    for result in [
        fixture.catalog.apply_artifact(&source_object).await.map(|_| ()),
        fixture.catalog.apply_artifact_status(&source_object, &ExternalArtifactStatus::default()).await.map(|_| ()),
        fixture.catalog.apply_source_status(&source_object, &ExternalSourceStatus::default()).await.map(|_| ()),
    ] {
        assert!(matches!(result, Err(CatalogError::Gone)), "{result:?}");
    }
}

#[tokio::test]
async fn a_late_watch_begins_with_everything() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", &source("a", "http://x/2"));
    let source_object = fixture.next_source().await.object;
    fixture.catalog.apply_artifact(&source_object).await.unwrap();
    let told: Vec<_> = fixture.catalog.watch().take(3).map(Result::unwrap).collect().await;
    assert!(matches!(&told[..], [Change::Source(_), Change::Artifact(_), Change::Synced]), "{told:?}");
}
