//! What is particular to memory: its capacity, and who makes place for whom.

use futures::{StreamExt as _, TryStreamExt as _};

use super::*;
use crate::api::ObjectName;
use crate::spool::Spools;
use crate::storage::conformance;

/// Size of the pieces in which bytes in memory are handed out.
const CHUNK: usize = 256 * 1024;

fn storage(capacity: u64) -> MemoryStorage {
    let settings = MemorySettings { capacity, base_url: "http://artifacts.example".into() };
    MemoryStorage::new(settings, Arc::default())
}

fn open() -> (MemoryStorage, ()) {
    let mut storage = storage(128 * 1024 * 1024);
    storage.page_size = conformance::PAGE_SIZE;
    (storage, ())
}

conformance::each_behaviour!(open());

fn archive(name: &str, content: &[u8]) -> (ArtifactKey, Spool) {
    let spool = Spools::from_bytes(content.to_vec());
    (ArtifactKey::new(ObjectName::new("team-a", name), spool.digest()), spool)
}

fn filled(byte: u8, len: usize) -> Vec<u8> {
    vec![byte; len]
}

fn advertise(storage: &MemoryStorage, key: &ArtifactKey) {
    storage.presence.advertise(key.source(), Some(key.clone()));
}

async fn is_stored(storage: &MemoryStorage, key: &ArtifactKey) -> bool {
    storage.stat(key).await.unwrap().is_some()
}

#[tokio::test]
async fn keeps_a_spool_that_is_in_memory_without_a_copy() {
    let storage = storage(1000);
    let (key, spool) = archive("config", &filled(1, 100));
    storage.store(&key, &spool).await.unwrap();
    let (_, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
    let chunks: Vec<Bytes> = content.into_stream().try_collect().await.unwrap();
    assert_eq!(chunks[0].as_ptr(), spool.in_memory().unwrap().as_ptr());
}

#[tokio::test]
async fn hands_out_large_archives_in_pieces() {
    let storage = storage(4 << 20);
    let (key, spool) = archive("config", &filled(1, 3 * CHUNK + 1));
    storage.store(&key, &spool).await.unwrap();
    let (_, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
    let sizes: Vec<usize> = content.into_stream().map_ok(|chunk| chunk.len()).try_collect().await.unwrap();
    assert_eq!(sizes, [CHUNK, CHUNK, CHUNK, 1]);
}

#[tokio::test]
async fn gives_back_the_bytes_of_what_is_deleted() {
    let storage = storage(100);
    let (key, spool) = archive("config", &filled(1, 100));
    for _ in 0..3 {
        storage.store(&key, &spool).await.unwrap();
        storage.store(&key, &spool).await.unwrap();
        assert_eq!(storage.used(), 100);
        storage.delete(&key).await.unwrap();
        storage.delete(&key).await.unwrap();
        assert_eq!(storage.used(), 0);
    }
}

#[tokio::test]
async fn refuses_what_is_larger_than_the_capacity_and_gives_nothing_up_for_it() {
    let storage = storage(100);
    let (old, content) = archive("config", &filled(1, 60));
    storage.store(&old, &content).await.unwrap();
    let (key, content) = archive("config", &filled(2, 101));
    let error = storage.store(&key, &content).await.unwrap_err();
    assert!(matches!(error, StorageError::Full { needed: 101, free: 40, capacity: 100 }), "{error}");
    assert!(is_stored(&storage, &old).await);
}

#[tokio::test]
async fn a_new_revision_pushes_out_the_oldest_that_its_source_no_longer_advertises() {
    let storage = storage(100);
    let mut keys = Vec::new();
    for byte in 1..=3 {
        let (key, content) = archive("config", &filled(byte, 30));
        storage.store(&key, &content).await.unwrap();
        keys.push(key);
    }
    advertise(&storage, &keys[0]);
    let (key, content) = archive("config", &filled(4, 40));
    storage.store(&key, &content).await.unwrap();
    let mut left = Vec::new();
    for key in &keys {
        left.push(is_stored(&storage, key).await);
    }
    assert_eq!(left, [true, false, true]);
    assert_eq!(storage.used(), 100);
}

#[tokio::test]
async fn other_sources_give_up_only_what_certainly_nobody_is_told_to_fetch() {
    let mut storage = storage(100);
    let (theirs, content) = archive("other", &filled(1, 80));
    storage.store(&theirs, &content).await.unwrap();
    let (key, content) = archive("config", &filled(2, 30));

    storage.settling = Duration::ZERO;
    let incomplete = storage.store(&key, &content).await;
    assert!(matches!(incomplete, Err(StorageError::Full { .. })), "not every object was seen yet");

    storage.presence.set_complete(true);
    advertise(&storage, &theirs);
    let advertised = storage.store(&key, &content).await;
    assert!(matches!(advertised, Err(StorageError::Full { .. })), "the other archive is advertised");

    storage.presence.advertise(&ObjectName::new("team-a", "other"), None);
    storage.settling = SETTLING;
    let fresh = storage.store(&key, &content).await;
    assert!(matches!(fresh, Err(StorageError::Full { .. })), "it may be about to be advertised");
    assert!(is_stored(&storage, &theirs).await);

    storage.settling = Duration::ZERO;
    storage.store(&key, &content).await.unwrap();
    assert!(!is_stored(&storage, &theirs).await);
}

#[tokio::test]
async fn a_download_under_way_survives_the_deletion_of_its_archive() {
    let storage = storage(4 << 20);
    let bytes = filled(7, 2 * CHUNK);
    let (key, spool) = archive("config", &bytes);
    storage.store(&key, &spool).await.unwrap();
    let (_, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
    let mut stream = content.into_stream();
    let first = stream.next().await.unwrap().unwrap();
    storage.delete(&key).await.unwrap();
    let rest: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!([vec![first], rest].concat().concat(), bytes);
}

#[tokio::test]
async fn a_failed_store_gives_its_reservation_back() {
    let storage = storage(1000);
    let (key, _) = archive("config", b"");
    drop(storage.reserve(&key, 600).unwrap());
    assert_eq!(storage.used(), 0);
    assert!(storage.reserve(&key, 1000).is_ok());
}
