//! While the backend is away.

use super::*;

#[tokio::test]
async fn what_is_kept_is_served_and_nothing_else() {
    let bed = Bed::new(SMALL);
    let (small, large) = (bed.put("small", 1000).await, bed.put("large", 100_000).await);
    let unknown = bed.put("unknown", 1000).await;
    for key in [&small, &large] {
        bed.get(key).await.unwrap();
    }
    bed.backend.go_away();
    for (key, size) in [(&small, 1000), (&large, 100_000)] {
        // Also once the backend would have to be asked again.
        bed.cache.shelf.get(key).unwrap().make_due();
        for _ in 0..2 {
            assert_eq!(bed.get(key).await.unwrap(), content(&key.source().name, size));
        }
        assert_eq!(bed.cache.stat(key).await.unwrap().unwrap().size, size as u64);
        assert_eq!(bed.cache.peek(key).await.unwrap().unwrap().size, size as u64);
    }
    assert!(bed.try_get(&unknown, None).await.is_err());
    assert!(bed.cache.stat(&unknown).await.is_err() && bed.cache.peek(&unknown).await.is_err());
    assert!(bed.cache.list(Scope::All, None).await.is_err(), "nobody takes the cache for a storage");
    let (key, spool) = archive("new", 1000);
    assert!(bed.cache.store(&key, &spool).await.is_err());
    assert!(bed.try_get(&key, None).await.is_err(), "what is not stored is not served");
}

#[tokio::test]
async fn a_backend_that_is_away_is_not_asked_for_every_request() {
    let bed = Bed::new(SMALL);
    let key = bed.put("small", 1000).await;
    bed.get(&key).await.unwrap();
    bed.backend.go_away();
    bed.cache.shelf.get(&key).unwrap().make_due();
    let before = bed.backend.looked.load(Ordering::Relaxed);
    for _ in 0..100 {
        bed.get(&key).await.unwrap();
    }
    assert_eq!(bed.backend.looked.load(Ordering::Relaxed), before + 1);
}
