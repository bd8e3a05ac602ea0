//! Files that are not what their names say are not served, and storing them again mends them.

use std::fs::{File, FileTimes, OpenOptions};
use std::os::unix::fs::FileExt as _;

use futures::StreamExt as _;

use super::*;

const CONTENT: &[u8] = b"the bytes of an archive";

/// Storing again makes it right again.
async fn mend(storage: &FilesystemStorage, key: &ArtifactKey) {
    put(storage, "config", CONTENT).await;
    assert!(is_sound(storage, key).await);
    assert_eq!(storage.verify(key).await.unwrap(), Integrity::Sound);
}

async fn ensure_not_served(storage: &FilesystemStorage, key: &ArtifactKey) {
    assert_eq!(storage.stat(key).await.unwrap(), None);
    assert!(storage.retrieve(key, None).await.unwrap().is_none());
    assert!(storage.retrieve(key, Some(0..1)).await.unwrap().is_none());
    assert_eq!(storage.verify(key).await.unwrap(), Integrity::Damaged);
    let listed = storage.list(Scope::All, None).await.unwrap().entries;
    assert!(listed.iter().map(|stored| &stored.key).eq([key]), "it can be deleted");
}

type Harm = fn(&Path);

const HARMS: [(&str, Harm); 4] = [
    ("cut", |path| OpenOptions::new().write(true).open(path).unwrap().set_len(5).unwrap()),
    ("emptied", |path| fs::write(path, "").unwrap()),
    ("longer", |path| OpenOptions::new().append(true).open(path).unwrap().write_all_at(b"x", 0).unwrap()),
    ("flipped, with its old time", |path| {
        let file = File::options().write(true).open(path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"T", 0).unwrap();
        file.set_times(FileTimes::new().set_modified(modified)).unwrap();
    }),
];

#[tokio::test]
async fn damage_is_found_before_the_next_download_and_mended_by_storing_again() {
    for (what, harm) in HARMS {
        for restart in [false, true] {
            let (mut storage, folder) = open().await;
            let key = put(&storage, "config", CONTENT).await;
            harm(&folder.path().join(key.to_string()));
            if restart {
                drop(storage);
                storage = open_at(folder.path()).await;
            }
            println!("{what}, {restart}");
            ensure_not_served(&storage, &key).await;
            mend(&storage, &key).await;
        }
    }
}

#[tokio::test]
async fn a_file_is_read_once_and_then_only_when_it_has_changed() {
    let folder = temporary();
    let key = put(&open_at(folder.path()).await, "config", CONTENT).await;
    let reads = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&reads);
    let observer: Arc<Observer> = Arc::new(move |op| {
        *counter.lock().unwrap() += usize::from(matches!(op, Op::Read(_)));
        Ok(())
    });
    let storage = observed(folder.path(), observer).await;
    let stat = || async { storage.stat(&key).await.unwrap().is_some() };
    assert!(stat().await && stat().await);
    assert_eq!(*reads.lock().unwrap(), 1);
    fs::write(folder.path().join(key.to_string()), "damaged").unwrap();
    assert!(!stat().await && !stat().await);
    assert_eq!(*reads.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_download_of_a_file_that_is_cut_meanwhile_breaks_off() {
    let (storage, folder) = open().await;
    let key = put(&storage, "config", &vec![1; 400_000]).await;
    let (stored, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
    let mut stream = content.into_stream();
    let first = stream.next().await.unwrap().unwrap();
    assert!((first.len() as u64) < stored.size);
    let file = File::options().write(true).open(folder.path().join(key.to_string())).unwrap();
    file.set_len(first.len() as u64 + 1).unwrap();
    let error = stream.try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, StorageError::Filesystem(FilesystemError::Failed { .. })), "{error}");
    assert_eq!(storage.stat(&key).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_read_counts_as_damaged_until_it_can() {
    let folder = temporary();
    let key = put(&open_at(folder.path()).await, "config", CONTENT).await;
    let broken = Arc::new(Mutex::new(true));
    let is_broken = Arc::clone(&broken);
    let observer: Arc<Observer> = Arc::new(move |op| match op {
        Op::Read(_) if *is_broken.lock().unwrap() => Err(errno(5)),
        _ => Ok(()),
    });
    let storage = observed(folder.path(), observer).await;
    ensure_not_served(&storage, &key).await;
    let before = fs::metadata(folder.path().join(key.to_string())).unwrap();
    put(&storage, "config", CONTENT).await;
    let after = fs::metadata(folder.path().join(key.to_string())).unwrap();
    assert_ne!(std::os::unix::fs::MetadataExt::ino(&before), std::os::unix::fs::MetadataExt::ino(&after));
    *broken.lock().unwrap() = false;
    assert!(is_sound(&storage, &key).await);
}

#[tokio::test]
async fn what_is_there_in_the_place_of_an_archive_is_no_archive() {
    let (storage, folder) = open().await;
    let (key, _) = archive("config", CONTENT);
    let path = folder.path().join(key.to_string());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, CONTENT).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert_eq!(storage.stat(&key).await.unwrap(), None, "a link");
    assert_eq!(storage.list(Scope::All, None).await.unwrap().entries, []);
    mend(&storage, &key).await;
    storage.delete(&key).await.unwrap();
    assert_eq!(fs::read(&elsewhere).unwrap(), CONTENT, "what a link leads to is left alone");

    fs::create_dir_all(&path).unwrap();
    assert_eq!(storage.stat(&key).await.unwrap(), None, "a folder");
    assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Absent);
    assert_eq!(storage.list(Scope::All, None).await.unwrap().entries, []);
}
