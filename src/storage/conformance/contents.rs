//! Bytes go in and come out again: whole, in ranges, and not at all.

use futures::TryStreamExt as _;

use super::{Backend, archive, content, get, list, put};
use crate::api::ObjectName;
use crate::digest::{Digest, Hasher};
use crate::spool::Spools;
use crate::storage::{ArtifactKey, Integrity, Scope, StorageError};

pub(crate) async fn gives_back_what_was_stored(storage: Backend) {
    let bytes = content(1, 1000);
    let stored = put(&storage, "team-a", "config", &bytes).await;
    assert_eq!(get(&storage, &stored.key, None).await, Some(bytes));
}

pub(crate) async fn gives_back_an_empty_archive(storage: Backend) {
    let stored = put(&storage, "team-a", "config", b"").await;
    assert_eq!(get(&storage, &stored.key, None).await, Some(Vec::new()));
    assert_eq!(get(&storage, &stored.key, Some(0..0)).await, Some(Vec::new()));
}

pub(crate) async fn gives_back_megabytes_in_bounded_chunks(storage: Backend) {
    let bytes = content(2, 6 * 1024 * 1024 + 13);
    let stored = put(&storage, "team-a", "config", &bytes).await;
    let (_, content) = storage.retrieve(&stored.key, None).await.unwrap().unwrap();
    let chunks: Vec<bytes::Bytes> = content.into_stream().try_collect().await.unwrap();
    assert!(chunks.iter().all(|chunk| chunk.len() <= 1024 * 1024));
    assert!(chunks.concat() == bytes, "other bytes came back");
}

pub(crate) async fn stores_from_a_spool_file(storage: Backend) {
    let bytes = content(3, 1024 * 1024 + 7);
    let mut writer = Spools::new(0, std::env::temp_dir()).writer();
    writer.write(&bytes).await.unwrap();
    let spool = writer.finish().await.unwrap();
    assert!(spool.in_memory().is_none());
    let key = ArtifactKey::new(ObjectName::new("team-a", "config"), spool.digest());
    storage.store(&key, &spool).await.unwrap();
    assert!(get(&storage, &key, None).await.unwrap() == bytes, "other bytes came back");
}

pub(crate) async fn gives_back_a_hundred_megabytes(storage: Backend) {
    let (block, blocks) = (content(8, 1 << 20), 100_u64);
    let mut writer = Spools::new(0, std::env::temp_dir()).writer();
    for number in 0..blocks {
        writer.write(&number.to_le_bytes()).await.unwrap();
        writer.write(&block).await.unwrap();
    }
    let spool = writer.finish().await.unwrap();
    let key = ArtifactKey::new(ObjectName::new("team-a", "config"), spool.digest());
    let stored = storage.store(&key, &spool).await.unwrap();
    assert_eq!(stored.size, blocks * ((1 << 20) + 8));
    let (_, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
    let mut stream = content.into_stream();
    let mut hasher = Hasher::default();
    while let Some(chunk) = stream.try_next().await.unwrap() {
        hasher.update(&chunk);
    }
    assert_eq!(hasher.finish(), key.digest());
    let last = (blocks - 1) * ((1 << 20) + 8);
    assert_eq!(get(&storage, &key, Some(last..last + 8)).await, Some((blocks - 1).to_le_bytes().to_vec()));
}

pub(crate) async fn gives_back_ranges(storage: Backend) {
    let bytes = content(4, 600 * 1024);
    let stored = put(&storage, "team-a", "config", &bytes).await;
    let size = stored.size;
    for range in [0..1, 0..size, 1..size, size - 1..size, 7..7, 262_143..262_145, 300_000..500_001, size..size] {
        let expected = &bytes[range.start as usize..range.end as usize];
        let (whole, _) = storage.retrieve(&stored.key, Some(range.clone())).await.unwrap().unwrap();
        assert_eq!(whole, stored, "a range tells the size of the whole");
        assert!(get(&storage, &stored.key, Some(range.clone())).await.unwrap() == expected, "{range:?}");
    }
}

pub(crate) async fn tells_size_and_time_without_reading(storage: Backend) {
    let stored = put(&storage, "team-a", "config", &content(5, 321)).await;
    assert_eq!(storage.stat(&stored.key).await.unwrap(), Some(stored.clone()));
    assert_eq!(list(&storage, Scope::All).await, vec![stored]);
}

pub(crate) async fn knows_nothing_of_what_was_not_stored(storage: Backend) {
    let there = put(&storage, "team-a", "config", b"there").await;
    let digest = Digest::of(b"not there");
    for key in [
        ArtifactKey::new(ObjectName::new("team-a", "config"), digest),
        ArtifactKey::new(ObjectName::new("team-a", "other"), there.key.digest()),
        ArtifactKey::new(ObjectName::new("team-b", "config"), there.key.digest()),
    ] {
        assert_eq!(storage.stat(&key).await.unwrap(), None);
        assert!(storage.retrieve(&key, None).await.unwrap().is_none());
        assert!(storage.retrieve(&key, Some(0..1)).await.unwrap().is_none());
        storage.delete(&key).await.unwrap();
    }
    assert_eq!(list(&storage, Scope::All).await, vec![there]);
}

pub(crate) async fn keeps_the_first_time_of_storing(storage: Backend) {
    let first = put(&storage, "team-a", "config", b"the same").await;
    let second = put(&storage, "team-a", "config", b"the same").await;
    assert_eq!(second, first);
    assert_eq!(storage.stat(&first.key).await.unwrap(), Some(first));
}

pub(crate) async fn refuses_bytes_of_another_digest(storage: Backend) {
    let (announced, _) = archive("team-a", "config", b"announced");
    let (actual, spool) = archive("team-a", "config", b"something else");
    let error = storage.store(&announced, &spool).await.unwrap_err();
    assert!(
        matches!(&error, StorageError::Corrupt { expected, actual: got }
            if *expected == announced.digest() && *got == actual.digest()),
        "{error}"
    );
    assert_eq!(storage.stat(&announced).await.unwrap(), None);
    assert_eq!(list(&storage, Scope::All).await, vec![]);
}

pub(crate) async fn refuses_bytes_that_are_not_what_their_spool_says(storage: Backend) {
    let announced = Digest::of(b"announced");
    let spool = Spools::mislabelled(b"something else", announced);
    let key = ArtifactKey::new(ObjectName::new("team-a", "config"), announced);
    let error = storage.store(&key, &spool).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    assert_eq!(storage.stat(&key).await.unwrap(), None);
    assert_eq!(list(&storage, Scope::All).await, vec![]);
}

pub(crate) async fn tells_what_is_sound(storage: Backend) {
    let stored = put(&storage, "team-a", "config", &content(7, 300_000)).await;
    assert_eq!(storage.verify(&stored.key).await.unwrap(), Integrity::Sound);
    storage.delete(&stored.key).await.unwrap();
    assert_eq!(storage.verify(&stored.key).await.unwrap(), Integrity::Absent);
}

pub(crate) async fn forgets_what_is_deleted(storage: Backend) {
    let gone = put(&storage, "team-a", "config", b"1").await;
    let left = put(&storage, "team-a", "config", b"2").await;
    for _ in 0..2 {
        storage.delete(&gone.key).await.unwrap();
        assert_eq!(storage.stat(&gone.key).await.unwrap(), None);
        assert_eq!(get(&storage, &gone.key, None).await, None);
        assert_eq!(list(&storage, Scope::All).await, vec![left.clone()]);
    }
}

pub(crate) async fn stores_again_after_a_deletion(storage: Backend) {
    let first = put(&storage, "team-a", "config", b"again").await;
    storage.delete(&first.key).await.unwrap();
    let second = put(&storage, "team-a", "config", b"again").await;
    assert!(second.stored_at >= first.stored_at);
    assert_eq!(get(&storage, &second.key, None).await, Some(b"again".to_vec()));
}
