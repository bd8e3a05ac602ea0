//! One writer, and only of the installation that the volume belongs to.

use super::*;

fn shared(root: &Path, holder: &str) -> FilesystemSettings {
    FilesystemSettings { shared: true, holder: holder.into(), ..settings(root) }
}

#[tokio::test]
async fn a_second_writer_is_refused_and_told_who_the_first_one_is() {
    let folder = temporary();
    let first = open_at(folder.path()).await;
    let settings = FilesystemSettings { holder: "another".into(), ..settings(folder.path()) };
    let error = FilesystemStorage::open(settings.clone()).await.unwrap_err();
    assert!(matches!(&error, StorageError::Filesystem(FilesystemError::Locked { holder, .. }) if holder == "the test"));
    assert!(error.to_string().contains("has another writer: the test;"), "{error}");
    drop(first);
    FilesystemStorage::open(settings).await.unwrap();
}

#[tokio::test]
async fn of_those_who_share_a_volume_only_the_leader_writes_and_all_read() {
    let folder = temporary();
    let one = FilesystemStorage::open(shared(folder.path(), "one")).await.unwrap();
    let two = FilesystemStorage::open(shared(folder.path(), "two")).await.unwrap();
    assert_eq!(tree(folder.path()), [""; 0], "who does not lead touches nothing");
    let (key, content) = archive("config", b"x");
    for storage in [&one, &two] {
        let error = storage.store(&key, &content).await.unwrap_err();
        assert!(matches!(error, StorageError::Filesystem(FilesystemError::NotWriter { .. })), "{error}");
        assert_eq!(storage.stat(&key).await.unwrap(), None);
        assert_eq!(storage.list(Scope::All, None).await.unwrap().entries, []);
    }
    one.lead(true).await.unwrap();
    one.store(&key, &content).await.unwrap();
    assert!(is_sound(&one, &key).await && is_sound(&two, &key).await);

    let error = two.lead(true).await.unwrap_err();
    assert!(error.to_string().contains("another writer: one;"), "{error}");
    let error = two.delete(&key).await.unwrap_err();
    assert!(matches!(error, StorageError::Filesystem(FilesystemError::Locked { .. })), "{error}");
    one.lead(false).await.unwrap();
    one.delete(&key).await.unwrap_err();
    // Without being told again.
    two.delete(&key).await.unwrap();
    assert_eq!(one.stat(&key).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_not_shared_stays_ours_when_we_stand_by() {
    let (storage, folder) = open().await;
    storage.lead(false).await.unwrap();
    FilesystemStorage::open(settings(folder.path())).await.unwrap_err();
    put(&storage, "config", b"x").await;
}

#[tokio::test]
async fn the_lock_is_given_up_only_after_the_writes_under_way() {
    let folder = temporary();
    let (entered, entering) = std::sync::mpsc::channel();
    let (leave, left) = std::sync::mpsc::channel::<()>();
    let left = Mutex::new(left);
    let observer: Arc<Observer> = Arc::new(move |op| {
        if matches!(op, Op::Write(path, _) if !path.ends_with("owner.json")) {
            entered.send(()).unwrap();
            left.lock().unwrap().recv().unwrap();
        }
        Ok(())
    });
    let storage = FilesystemStorage::open_on(shared(folder.path(), "one"), Disk::observed(observer)).await.unwrap();
    let storage = Arc::new(storage);
    storage.lead(true).await.unwrap();
    let writer = Arc::clone(&storage);
    let writing = tokio::spawn(async move { put(&writer, "config", b"x").await });
    tokio::task::spawn_blocking(move || entering.recv().unwrap()).await.unwrap();
    // Also when nobody waits for the write.
    writing.abort();
    let mut yielding = Box::pin(storage.lead(false));
    assert!(futures::poll!(&mut yielding).is_pending());
    let other = FilesystemStorage::open(shared(folder.path(), "two")).await.unwrap();
    other.lead(true).await.unwrap_err();
    leave.send(()).unwrap();
    yielding.await.unwrap();
    other.lead(true).await.unwrap();
    assert!(is_sound(&other, &archive("config", b"x").0).await);
}

#[tokio::test]
async fn a_lock_file_that_is_removed_is_noticed_and_the_lock_taken_anew() {
    let (storage, folder) = open().await;
    fs::remove_file(folder.path().join(".flux-externalsource/writer.lock")).unwrap();
    let (key, content) = archive("config", b"x");
    let error = storage.store(&key, &content).await.unwrap_err();
    assert!(matches!(error, StorageError::Filesystem(FilesystemError::LockLost { .. })), "{error}");
    storage.store(&key, &content).await.unwrap();
    // Unless somebody else was quicker.
    fs::remove_dir_all(folder.path().join(".flux-externalsource")).unwrap();
    let other = open_at(folder.path()).await;
    storage.delete(&key).await.unwrap_err();
    let error = storage.delete(&key).await.unwrap_err();
    assert!(matches!(error, StorageError::Filesystem(FilesystemError::Locked { .. })), "{error}");
    assert!(is_sound(&other, &key).await);
}

#[tokio::test]
async fn somebody_elses_volume_is_refused_by_name_and_left_alone() {
    let (storage, folder) = open().await;
    put(&storage, "config", b"x").await;
    drop(storage);
    let before = tree(folder.path());
    let mut others = settings(folder.path());
    others.owner.cluster = Some("c2".into());
    for shared in [false, true] {
        let error = FilesystemStorage::open(FilesystemSettings { shared, ..others.clone() }).await.unwrap_err();
        assert!(matches!(error, StorageError::Filesystem(FilesystemError::Foreign { .. })), "{error}");
        for word in ["\"main\" in namespace \"flux-system\" of cluster c1", "cluster c2", "\"c1/flux-system/main\""] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
    assert_eq!(tree(folder.path()), before);

    others.take_over = Some("c1/flux-system/main".into());
    drop(FilesystemStorage::open(others.clone()).await.unwrap());
    drop(FilesystemStorage::open(others).await.unwrap());
    FilesystemStorage::open(settings(folder.path())).await.unwrap_err();
}

#[tokio::test]
async fn a_cluster_that_becomes_known_is_noted() {
    let folder = temporary();
    let mut unknown = settings(folder.path());
    unknown.owner.cluster = None;
    drop(FilesystemStorage::open(unknown.clone()).await.unwrap());
    drop(open_at(folder.path()).await);
    drop(FilesystemStorage::open(unknown).await.unwrap());
    let mut others = settings(folder.path());
    others.owner.cluster = Some("c2".into());
    FilesystemStorage::open(others).await.unwrap_err();
}

#[tokio::test]
async fn an_owner_marker_that_cannot_be_read_is_not_overwritten() {
    let (storage, folder) = open().await;
    drop(storage);
    let marker = folder.path().join(".flux-externalsource/owner.json");
    fs::write(&marker, "{").unwrap();
    let error = FilesystemStorage::open(settings(folder.path())).await.unwrap_err();
    assert!(error.to_string().contains(".flux-externalsource/owner.json"), "{error}");
    assert_eq!(fs::read(&marker).unwrap(), b"{");
}
