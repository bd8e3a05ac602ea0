//! When a copy is made, what it costs the backend, and when it ends.

use super::*;

#[tokio::test]
async fn what_was_stored_or_asked_for_once_costs_the_backend_nothing() {
    let bed = Bed::new(SMALL);
    for (name, size) in [("small", 5000), ("large", 100_000)] {
        let (key, spool) = spooled(name, size).await;
        bed.cache.store(&key, &spool).await.unwrap();
        let elsewhere = bed.put(&format!("{name}-elsewhere"), size).await;
        bed.get(&elsewhere).await.unwrap();
        let before = (bed.backend.retrieved(), bed.backend.looked.load(Ordering::Relaxed));
        for key in [&elsewhere, &key] {
            assert_eq!(bed.get(key).await.unwrap(), content(&key.source().name, size));
            assert!(bed.cache.peek(key).await.unwrap().is_some());
        }
        assert_eq!((bed.backend.retrieved(), bed.backend.looked.load(Ordering::Relaxed)), before, "{name}");
    }
}

#[tokio::test]
async fn small_copies_are_in_memory_and_larger_ones_in_files() {
    let bed = Bed::new(SMALL);
    let (small, large) = (bed.put("small", 5000).await, bed.put("large", 100_000).await);
    let (_, content) = bed.cache.retrieve(&small, Some(10..20)).await.unwrap().unwrap();
    assert!(matches!(content, Content::Memory(bytes) if bytes.len() == 10));
    let (stored, content) = bed.cache.retrieve(&large, Some(10..20)).await.unwrap().unwrap();
    assert_eq!(stored.size, 100_000);
    assert!(matches!(content, Content::File(file) if file.range().len() == 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_cost_the_backend_one_download() {
    let bed = Arc::new(Bed::new(SMALL));
    let key = bed.put("large", 100_000).await;
    let ask = |_| {
        let (bed, key) = (Arc::clone(&bed), key.clone());
        tokio::spawn(async move { bed.get(&key).await.unwrap().len() })
    };
    let answers = futures::future::try_join_all((0..64).map(ask)).await.unwrap();
    assert_eq!(answers, [100_000; 64]);
    assert_eq!(bed.backend.retrieved(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_in_vain_hear_the_same() {
    let bed = Arc::new(Bed::new(SMALL));
    let key = bed.put("large", 100_000).await;
    *bed.backend.damaged.lock().unwrap() = Some(key.clone());
    for _ in 0..2 {
        let asked = (0..8).map(|_| bed.try_get(&key, None));
        for outcome in futures::future::join_all(asked).await {
            let error = outcome.unwrap_err().to_string();
            assert!(error.starts_with("the stored bytes differ from what was packaged"), "{error}");
        }
    }
    assert!(bed.backend.verified.load(Ordering::Relaxed) >= 2, "the backend is told to look at it");
    *bed.backend.damaged.lock().unwrap() = None;
    assert_eq!(bed.get(&key).await.unwrap(), content("large", 100_000));
}

#[tokio::test]
async fn a_client_that_leaves_does_not_take_the_copy_along() {
    let bed = Bed::new(SMALL);
    let key = bed.put("large", 100_000).await;
    let asked = futures::FutureExt::now_or_never(bed.cache.retrieve(&key, None));
    assert!(asked.is_none(), "it was there at once");
    assert_eq!(bed.get(&key).await.unwrap().len(), 100_000);
    assert_eq!(bed.backend.retrieved(), 1);
}

#[tokio::test]
async fn what_is_deleted_or_damaged_or_gone_ends_with_its_copy() {
    type End = fn(&Bed, ArtifactKey) -> futures::future::BoxFuture<'_, ()>;
    let ends: [(&str, End); 3] = [
        ("deleted", |bed, key| Box::pin(async move { bed.cache.delete(&key).await.unwrap() })),
        ("found damaged", |bed, key| {
            Box::pin(async move {
                *bed.backend.damaged.lock().unwrap() = Some(key.clone());
                assert_eq!(bed.cache.verify(&key).await.unwrap(), Integrity::Damaged);
                bed.backend.memory.delete(&key).await.unwrap();
            })
        }),
        ("found gone", |bed, key| {
            Box::pin(async move {
                bed.backend.memory.delete(&key).await.unwrap();
                assert_eq!(bed.cache.stat(&key).await.unwrap(), None);
            })
        }),
    ];
    for (what, end) in ends {
        let bed = Bed::new(SMALL);
        let key = bed.put("config", 1000).await;
        assert!(bed.get(&key).await.is_some());
        end(&bed, key.clone()).await;
        assert_eq!(bed.get(&key).await, None, "{what}");
        assert_eq!(bed.cache.peek(&key).await.unwrap(), None, "{what}");
        assert!(bed.kept(&[&key]).await.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_deletion_that_fails_ends_the_copy_all_the_same() {
    let bed = Bed::new(SMALL);
    let key = bed.put("config", 1000).await;
    assert!(bed.get(&key).await.is_some());
    bed.backend.go_away();
    assert!(bed.cache.delete(&key).await.is_err());
    assert!(bed.kept(&[&key]).await.is_empty());
}

#[tokio::test]
async fn no_copy_comes_of_what_is_deleted_while_it_is_made() {
    let bed = Bed::new(SMALL);
    let (key, spool) = archive("config", 1000);
    let place = bed.cache.shelf.reserve(&key, spool.len(), false, false).unwrap();
    bed.cache.shelf.forget(&key);
    let stored = bed.backend.store(&key, &spool).await.unwrap();
    let copy = place.put(stored, &spool);
    assert_eq!(copy.stored().key, key, "who asked before may have it");
    assert!(bed.cache.shelf.get(&key).is_none());
}

#[tokio::test]
async fn what_another_process_removes_ends_once_the_backend_is_asked_again() {
    let bed = Bed::new(SMALL);
    let key = bed.put("config", 1000).await;
    assert!(bed.get(&key).await.is_some());
    bed.backend.memory.delete(&key).await.unwrap();
    assert!(bed.get(&key).await.is_some(), "it was confirmed a moment ago");
    bed.cache.shelf.get(&key).unwrap().make_due();
    assert_eq!(bed.get(&key).await, None);
}

#[tokio::test]
async fn where_no_copy_can_be_made_archives_come_from_the_backend() {
    let mut bed = Bed::new(SMALL);
    let nowhere = Spools::new(16 << 10, "/nonexistent/spool");
    let backend = Arc::clone(&bed.backend) as Arc<_>;
    bed.cache = Arc::new(Cached::new(backend, SMALL, &nowhere, Arc::clone(&bed.presence)));
    let key = bed.put("large", 100_000).await;
    for _ in 0..2 {
        assert_eq!(bed.get(&key).await.unwrap(), content("large", 100_000));
    }
}
