//! What manifests mean, and what is said about bad ones.

use super::*;

#[tokio::test]
async fn everything_is_told_before_synced() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n";
    let two = format!("{}---\n{config_map}---\n{}", source("a", "http://x/a"), source("b", "http://x/b"));
    fs::write(folder.path().join("two.yaml"), two).unwrap();
    let namespaced = source("c", "http://x/c").replace("name: c", "name: c\n  namespace: team");
    fs::write(folder.path().join("sub/c.yml"), namespaced).unwrap();
    fs::write(folder.path().join("notes.txt"), "kind: Nothing").unwrap();
    fs::write(folder.path().join(".hidden.yaml"), source("hidden", "x")).unwrap();
    let mut fixture = Fixture::over(folder, "");
    let sources = fixture.until_synced().await;
    let names: Vec<_> = sources.iter().map(|source| ObjectName::of(&*source.object).to_string()).collect();
    assert_eq!(names, ["default/a", "default/b", "team/c"]);
    let metadata = &sources[0].object.metadata;
    assert!(metadata.uid.is_some() && metadata.generation == Some(1) && metadata.creation_timestamp.is_some());
    assert_eq!(**fixture.problems.borrow(), []);
}

#[tokio::test]
async fn a_document_of_the_wrong_shape_is_an_invalid_source() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", &source("a", "[1]"));
    let invalid = fixture.next_source().await;
    assert!(invalid.invalid.as_ref().unwrap().starts_with("spec.generator.http.url: "), "{invalid:?}");
    assert_eq!((invalid.object.metadata.generation, invalid.object.name_any().as_str()), (Some(2), "a"));
    let problems = fixture.until_problems(|problems| !problems.is_empty()).await;
    assert!(problems[0].starts_with("a.yaml:1: ExternalSource default/a: spec.generator"), "{problems:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_manifest_is_said_with_its_place() {
    for (text, expected) in [
        ("a: 1\n", "x.yaml:1: is no object: apiVersion or kind is missing"),
        ("---\n# comment\napiVersion: v1\nkind: Secret\n", "x.yaml:3: Secret: metadata is missing"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {}\n", "x.yaml:1: Secret: metadata.name is missing"),
        (&source("A_b", "x"), "x.yaml:1: ExternalSource: metadata.name \"A_b\" must be lower-case letters"),
        (&source("a", "x").replace("v1alpha1", "v9"), "must be \"source.flux.oddkin.co/v1alpha1\""),
        (&source("a", "x").replace("interval:", "intervall:"), "unknown field spec.intervall is ignored"),
        (&source("a", "x").replace("url:", "uri:"), "unknown field spec.generator.http.uri is ignored"),
        (&(source("a", "x") + "a: b\na: c\n"), "x.yaml:"),
    ] {
        let mut fixture = Fixture::open(&[("x.yaml", text)]).await;
        let problems = fixture.until_problems(|problems| !problems.is_empty()).await;
        assert!(problems[0].contains(expected), "{text}: {problems:?}");
    }
}

#[tokio::test]
async fn messages_never_show_values_of_secrets() {
    for text in [
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\ndata:\n  a: hunter2!\n",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData: hunter2\n",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  a: 'hunter2\n",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  a: hunter2: x\n",
    ] {
        let mut fixture = Fixture::open(&[("x.yaml", text)]).await;
        let problems = fixture.until_problems(|problems| !problems.is_empty()).await;
        assert!(!problems.concat().contains("hunter2"), "{problems:?}");
    }
}

#[tokio::test]
async fn of_two_files_with_the_same_object_the_first_wins() {
    let files = [("a.yaml", source("a", "http://x/1")), ("b.yaml", source("a", "http://x/2"))];
    let mut fixture = Fixture::open(&files.each_ref().map(|(name, text)| (*name, text.as_str()))).await;
    let problems = fixture.until_problems(|problems| !problems.is_empty()).await;
    assert_eq!(problems, ["b.yaml:1: ExternalSource default/a is defined in a.yaml:1 already; this one is ignored"]);
    fs::remove_file(fixture.folder.path().join("a.yaml")).unwrap();
    let second = fixture.next_source().await;
    assert_eq!((url(&second), second.object.metadata.generation), ("http://x/2", Some(2)));
}

#[tokio::test]
async fn string_data_goes_over_base64_data() {
    let text =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\ndata:\n  a: AAH/\n  b: b25l\nstringData:\n  b: two\n";
    let fixture = Fixture::open(&[("a.yaml", text)]).await;
    let secret = fixture.catalog.secret("default", "token").await.unwrap().unwrap();
    assert_eq!(secret.data, [("a".to_owned(), vec![0, 1, 255]), ("b".to_owned(), b"two".to_vec())].into());
}

#[tokio::test]
async fn a_single_file_can_be_read_without_watching() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest");
    fs::write(&path, source("a", "http://x/1")).unwrap();
    let told: Vec<_> = LocalCatalog::read(&path).unwrap().watch().take(2).map(Result::unwrap).collect().await;
    assert!(matches!(&told[..], [Change::Source(_), Change::Synced]), "{told:?}");
    assert!(LocalCatalog::read(&folder.path().join("none")).is_err());
    assert!(matches!(LocalCatalog::open(&path), Err(OpenError::NoFolder(_))));
}
