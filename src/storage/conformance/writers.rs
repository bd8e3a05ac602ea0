//! Many writers at once.

use std::sync::Arc;

use futures::future::join_all;

use super::{Backend, archive, content, get, list, put, sorted};
use crate::digest::Digest;
use crate::storage::Scope;

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
