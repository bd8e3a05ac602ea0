//! What others left on a volume, what a dead writer left, and folders that nobody needs.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn what_others_left_is_neither_served_nor_removed() {
    let folder = temporary();
    // The Go implementation names an archive by the digest of what is in it.
    let theirs = ArtifactKey::new(ObjectName::new("team-a", "config"), Digest::of(b"data"));
    let mut left = vec![
        theirs.to_string(),
        "artifacts/team-a/config/latest.tar.gz".into(),
        "artifacts/team-a/config/notes.txt".into(),
        "artifacts/team-a/file".into(),
        "artifacts/UPPER/case/x.tar.gz".into(),
        "lost+found/1".into(),
        "backup.tar.gz".into(),
    ];
    for path in &left {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "an archive of theirs").unwrap();
    }
    let storage = open_at(folder.path()).await;
    assert_eq!(storage.stat(&theirs).await.unwrap(), None);
    let ours = put(&storage, "config", b"ours").await;
    let gone = put(&storage, "other", b"gone").await;
    storage.delete(&gone).await.unwrap();
    let listed = storage.list(Scope::All, None).await.unwrap().entries;
    let mut expected = [theirs.clone(), ours.clone()];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(listed.into_iter().map(|stored| stored.key).collect::<Vec<_>>(), expected);

    left.push(ours.to_string());
    left.sort();
    let is_file = |path: &String| folder.path().join(path).is_file() && !path.starts_with(".flux");
    assert_eq!(tree(folder.path()).into_iter().filter(is_file).collect::<Vec<_>>(), left);
    // As any other revision that is due.
    storage.delete(&theirs).await.unwrap();
    assert!(!folder.path().join(theirs.to_string()).exists());
}

#[tokio::test]
async fn a_new_writer_removes_what_the_last_one_left_unfinished() {
    let (storage, folder) = open().await;
    let key = put(&storage, "config", b"x").await;
    let remains = folder.path().join(".flux-externalsource/unfinished/0123");
    fs::write(&remains, "half of an arch").unwrap();
    assert_eq!(storage.volume.sweep_unfinished(Duration::from_secs(3600)).unwrap(), 0);
    drop(storage);
    let storage = open_at(folder.path()).await;
    assert!(!remains.exists());
    assert!(is_sound(&storage, &key).await);
}

#[tokio::test]
async fn unfinished_archives_are_removed_once_nobody_has_written_to_them_for_long() {
    let (storage, folder) = open().await;
    let unfinished = |name: &str| folder.path().join(".flux-externalsource/unfinished").join(name);
    for (name, age) in [("old", 3700), ("young", 3500)] {
        fs::write(unfinished(name), "half").unwrap();
        let then = std::time::SystemTime::now() - Duration::from_secs(age);
        fs::File::options().write(true).open(unfinished(name)).unwrap().set_modified(then).unwrap();
    }
    assert_eq!(storage.remove_unfinished(Duration::from_secs(3600)).await.unwrap(), 1);
    assert!(!unfinished("old").exists() && unfinished("young").exists());
}

#[tokio::test]
async fn folders_go_with_the_last_archive_in_them() {
    let (storage, folder) = open().await;
    let one = put(&storage, "config", b"1").await;
    let two = put(&storage, "config", b"2").await;
    let other = put(&storage, "other", b"3").await;
    storage.delete(&one).await.unwrap();
    assert!(archives(folder.path()).contains(&"artifacts/team-a/config".to_owned()));
    storage.delete(&two).await.unwrap();
    assert_eq!(archives(folder.path()), ["artifacts/team-a", "artifacts/team-a/other", &other.to_string()]);
    storage.delete(&other).await.unwrap();
    assert_eq!(archives(folder.path()), [""; 0]);
    assert!(is_sound(&storage, &put(&storage, "config", b"again").await).await);
}

#[tokio::test]
async fn empty_folders_of_a_killed_process_go_at_the_next_start() {
    let (storage, folder) = open().await;
    let key = put(&storage, "kept", b"x").await;
    for path in ["artifacts/team-a/empty", "artifacts/team-b/empty", "artifacts/team-c"] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    storage.volume.sweep_folders(|remove| remove());
    assert_eq!(archives(folder.path()), ["artifacts/team-a", "artifacts/team-a/kept", &key.to_string()]);
}

#[tokio::test]
async fn a_folder_that_others_removed_is_made_again() {
    let (storage, folder) = open().await;
    put(&storage, "config", b"1").await;
    fs::remove_dir_all(folder.path().join("artifacts")).unwrap();
    let (key, content) = archive("config", b"2");
    if storage.store(&key, &content).await.is_err() {
        storage.store(&key, &content).await.unwrap();
    }
    assert!(is_sound(&storage, &key).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_archive_that_comes_while_its_folder_goes_is_kept() {
    let (storage, _folder) = open().await;
    let storage = Arc::new(storage);
    let tasks = (0..4_u8).map(|task| {
        let storage = Arc::clone(&storage);
        tokio::spawn(async move {
            for round in 0..100_u8 {
                let key = put(&storage, "config", &[task, round]).await;
                assert!(is_sound(&storage, &key).await);
                storage.delete(&key).await.unwrap();
            }
        })
    });
    for task in futures::future::join_all(tasks).await {
        task.unwrap();
    }
}

#[tokio::test]
async fn what_is_being_written_is_nobodys_remains() {
    let (storage, folder) = open().await;
    let path = folder.path().join(".flux-externalsource/unfinished/4567");
    fs::write(&path, "half of an arch").unwrap();
    storage.volume.writing().insert(path.clone());
    assert_eq!(storage.volume.sweep_unfinished(Duration::ZERO).unwrap(), 0);
    storage.volume.writing().remove(&path);
    assert_eq!(storage.volume.sweep_unfinished(Duration::ZERO).unwrap(), 1);
    put(&storage, "config", b"x").await;
    assert!(storage.volume.writing().is_empty(), "a store that is over still counts as under way");
}
