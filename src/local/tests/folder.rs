//! What the watch tells when files change, and what a broken file does not do.

use super::*;

#[tokio::test]
async fn a_broken_file_keeps_what_it_held_and_stops_no_other() {
    let files = [("a.yaml", source("a", "http://x/1")), ("b.yaml", source("b", "http://x/1"))];
    let mut fixture = Fixture::open(&files.each_ref().map(|(name, text)| (*name, text.as_str()))).await;
    fixture.write("a.yaml", "apiVersion: v1\nkind: [\n");
    let problems = fixture.until_problems(|problems| !problems.is_empty()).await;
    assert!(problems[0].starts_with("a.yaml:") && problems[0].contains("is no YAML"), "{problems:?}");
    // The next thing to be told is the other file's edit: nothing was told about the broken one.
    fixture.write("b.yaml", &source("b", "http://x/2"));
    assert_eq!(url(&fixture.next_source().await), "http://x/2");
    fixture.write("a.yaml", &source("a", "http://x/3"));
    assert_eq!(url(&fixture.next_source().await), "http://x/3");
    assert_eq!(fixture.until_problems(<[_]>::is_empty).await, [""; 0]);
}

#[tokio::test]
async fn an_emptied_file_keeps_what_it_held() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    fixture.write("a.yaml", "");
    let problems = fixture.until_problems(|problems| !problems.is_empty()).await;
    assert_eq!(problems, ["a.yaml: the file is empty"]);
    fixture.write("a.yaml", &source("a", "http://x/2"));
    assert_eq!(fixture.next_source().await.object.metadata.generation, Some(2));
}

#[tokio::test]
async fn a_file_replaced_by_rename_is_an_edit() {
    let mut fixture = Fixture::open(&[("a.yaml", &source("a", "http://x/1"))]).await;
    // As vim does it: the old file becomes the backup, and a new one takes its name.
    let path = |name| fixture.folder.path().join(name);
    fs::write(path("a.yaml.new"), source("a", "http://x/2")).unwrap();
    fs::rename(path("a.yaml"), path("a.yaml~")).unwrap();
    fs::rename(path("a.yaml.new"), path("a.yaml")).unwrap();
    let second = fixture.next_source().await;
    assert_eq!((url(&second), second.object.metadata.generation), ("http://x/2", Some(2)));
}

#[tokio::test]
async fn a_swapped_link_is_an_edit_as_in_a_mounted_config_map() {
    let folder = tempfile::tempdir().unwrap();
    for (version, target) in [("..1", "http://x/1"), ("..2", "http://x/2")] {
        fs::create_dir(folder.path().join(version)).unwrap();
        fs::write(folder.path().join(version).join("a.yaml"), source("a", target)).unwrap();
    }
    symlink("..1", folder.path().join("..data")).unwrap();
    symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
    let mut fixture = Fixture::over(folder, "");
    assert_eq!(fixture.until_synced().await.len(), 1);
    symlink("..2", fixture.folder.path().join("..tmp")).unwrap();
    fs::rename(fixture.folder.path().join("..tmp"), fixture.folder.path().join("..data")).unwrap();
    assert_eq!(url(&fixture.next_source().await), "http://x/2");
    // The new target is watched as the old one was.
    fixture.write("..2/a.yaml", &source("a", "http://x/3"));
    assert_eq!(url(&fixture.next_source().await), "http://x/3");
}

#[tokio::test]
async fn a_folder_that_is_a_link_may_be_swapped() {
    let outer = tempfile::tempdir().unwrap();
    for (version, target) in [("r1/m", "http://x/1"), ("r2/m", "http://x/2")] {
        fs::create_dir_all(outer.path().join(version)).unwrap();
        fs::write(outer.path().join(version).join("a.yaml"), source("a", target)).unwrap();
    }
    symlink("r1", outer.path().join("current")).unwrap();
    let mut fixture = Fixture::over(outer, "current/m");
    fixture.until_synced().await;
    symlink("r2", fixture.folder.path().join("next")).unwrap();
    fs::rename(fixture.folder.path().join("next"), fixture.folder.path().join("current")).unwrap();
    assert_eq!(url(&fixture.next_source().await), "http://x/2");
}

#[tokio::test]
async fn a_folder_may_vanish_and_return() {
    let outer = tempfile::tempdir().unwrap();
    fs::create_dir(outer.path().join("m")).unwrap();
    fs::write(outer.path().join("m/a.yaml"), source("a", "http://x/1")).unwrap();
    let mut fixture = Fixture::over(outer, "m");
    fixture.until_synced().await;
    fs::remove_dir_all(fixture.folder.path().join("m")).unwrap();
    let problems = fixture.until_problems(|problems| problems.iter().any(|text| text.contains("is kept"))).await;
    assert_eq!(problems.len(), 1, "{problems:?}");
    fs::create_dir(fixture.folder.path().join("m")).unwrap();
    fixture.write("m/a.yaml", &source("a", "http://x/2"));
    // The folder is seen as empty when it is read between the two; then the object comes back as another one.
    let change = match fixture.next().await {
        Change::SourceGone { .. } => fixture.next().await,
        change => change,
    };
    assert!(matches!(&change, Change::Source(source) if url(source) == "http://x/2"), "{change:?}");
    fixture.write("m/a.yaml", &source("a", "http://x/3"));
    assert_eq!(url(&fixture.next_source().await), "http://x/3");
}

#[tokio::test]
async fn files_in_new_subfolders_are_seen() {
    let mut fixture = Fixture::open(&[]).await;
    fs::create_dir(fixture.folder.path().join("sub")).unwrap();
    fixture.write("sub/a.yaml", &source("a", "http://x/1"));
    assert_eq!(url(&fixture.next_source().await), "http://x/1");
    fixture.write("sub/a.yaml", &source("a", "http://x/2"));
    assert_eq!(url(&fixture.next_source().await), "http://x/2");
}

#[tokio::test]
async fn a_secret_is_read_anew_and_its_version_changes_with_it() {
    let both = |value: &str, target: &str| format!("{}---\n{}", secret(value), source("a", target));
    let mut fixture = Fixture::open(&[("a.yaml", &both("one", "http://x/1"))]).await;
    let first = fixture.catalog.secret("default", "token").await.unwrap().unwrap();
    assert_eq!(first.data, BTreeMap::from([("Authorization".to_owned(), b"one".to_vec())]));
    // One file is one change: when the source is told, the Secret is there too.
    fixture.write("a.yaml", &both("two", "http://x/2"));
    fixture.next_source().await;
    let second = fixture.catalog.secret("default", "token").await.unwrap().unwrap();
    assert_eq!(second.data["Authorization"], b"two");
    assert_ne!(second.version, first.version);
    assert!(fixture.catalog.secret("team", "token").await.unwrap().is_none());
}
