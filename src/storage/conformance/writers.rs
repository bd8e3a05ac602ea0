//! Many writers at once.

use std::sync::Arc;

use futures::TryStreamExt as _;
use futures::future::join_all;

use super::{Backend, archive, content, get, list, put, sorted};
use crate::digest::Digest;
use crate::storage::{Integrity, Scope};

pub(crate) async fn survives_many_writers_of_one_key(storage: Backend) {
    let bytes = content(6, 300_000);
    let (key, spool) = archive("team-a", "config", &bytes);
    let writers = (0..16).map(|_| {
        let (storage, key, spool) = (Arc::clone(&storage), key.clone(), spool.clone());
        tokio::spawn(async move {
            let stored = storage.store(&key, &spool).await.unwrap();
            // Whoever stored it, it is all there from now on.
            let read = get(&storage, &key, None).await.unwrap();
            (stored, Digest::of(&read))
        })
    });
    for outcome in join_all(writers).await {
        let (stored, digest) = outcome.unwrap();
        assert_eq!((stored.size, digest), (bytes.len() as u64, key.digest()));
    }
    let left = list(&storage, Scope::All).await;
    assert_eq!(left.into_iter().map(|stored| stored.key).collect::<Vec<_>>(), [key]);
}

pub(crate) async fn survives_many_writers_of_many_keys(storage: Backend) {
    let writers = (0..32_u32).map(|number| {
        let storage = Arc::clone(&storage);
        tokio::spawn(async move {
            let kept = put(&storage, "team-a", &format!("kept-{number}"), &content(number, 5000)).await;
            let gone = put(&storage, "team-a", &format!("gone-{number}"), &content(number, 5000)).await;
            storage.delete(&gone.key).await.unwrap();
            kept
        })
    });
    let kept = join_all(writers).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(list(&storage, Scope::All).await, sorted(kept));
}

pub(crate) async fn survives_a_store_under_way_of_what_is_being_read(storage: Backend) {
    let bytes = content(9, 2_000_000);
    let (key, spool) = archive("team-a", "config", &bytes);
    storage.store(&key, &spool).await.unwrap();
    let (_, content) = storage.retrieve(&key, None).await.unwrap().unwrap();
    let mut stream = content.into_stream();
    let mut read = stream.try_next().await.unwrap().unwrap().to_vec();
    storage.store(&key, &spool).await.unwrap();
    put(&storage, "team-a", "config", b"another revision").await;
    while let Some(chunk) = stream.try_next().await.unwrap() {
        read.extend(chunk);
    }
    assert!(read == bytes, "other bytes came back");
}

pub(crate) async fn leaves_all_or_nothing_of_a_store_that_is_given_up(storage: Backend) {
    let archives: Vec<_> = (0..20_u32).map(|number| archive("team-a", "config", &content(number, 700_000))).collect();
    for (turns, (key, spool)) in archives.iter().enumerate() {
        let (storage, key, spool) = (Arc::clone(&storage), key.clone(), spool.clone());
        let store = tokio::spawn(async move { storage.store(&key, &spool).await });
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        store.abort();
        let _ = store.await;
    }
    for stored in list(&storage, Scope::All).await {
        assert_eq!(storage.verify(&stored.key).await.unwrap(), Integrity::Sound);
    }
    // What was given up is in nobody's way.
    for (key, spool) in &archives {
        storage.store(key, spool).await.unwrap();
        assert_eq!(storage.verify(key).await.unwrap(), Integrity::Sound);
    }
    let left: Vec<_> = list(&storage, Scope::All).await.into_iter().map(|stored| stored.key).collect();
    let mut expected: Vec<_> = archives.into_iter().map(|(key, _)| key).collect();
    expected.sort_by_key(ToString::to_string);
    assert_eq!(left, expected);
}
