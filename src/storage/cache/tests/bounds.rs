//! How much is kept, and who makes place for whom.

use super::*;

#[tokio::test]
async fn what_was_asked_for_last_stays() {
    let bed = Bed::new(SMALL);
    let mut keys = Vec::new();
    for number in 0..8 {
        keys.push(bed.put(&format!("config-{number}"), 9000).await);
    }
    for key in &keys[..7] {
        bed.get(key).await.unwrap();
    }
    // All but the first fit; the second was asked for last.
    assert_eq!(bed.kept(&keys.iter().collect::<Vec<_>>()).await.len(), 6);
    bed.get(&keys[1]).await.unwrap();
    bed.get(&keys[7]).await.unwrap();
    let kept = bed.kept(&keys.iter().collect::<Vec<_>>()).await;
    assert!(kept.contains(&&keys[1]) && kept.contains(&&keys[7]) && !kept.contains(&&keys[2]), "{kept:?}");
}

#[tokio::test]
async fn what_is_advertised_stays_longest() {
    let bed = Bed::new(CacheSettings { memory: 30_000, disk: 0 });
    let advertised = bed.put("advertised", 10_000).await;
    bed.presence.advertise(advertised.source(), Some(advertised.clone()));
    bed.get(&advertised).await.unwrap();
    for number in 0..4 {
        let other = bed.put(&format!("other-{number}"), 12_000).await;
        bed.get(&other).await.unwrap();
        assert_eq!(bed.kept(&[&advertised, &other]).await, [&advertised, &other], "{number}");
    }
    let too_large = bed.put("too-large", 15_999).await;
    let second = bed.put("second", 15_000).await;
    bed.presence.advertise(second.source(), Some(second.clone()));
    bed.get(&second).await.unwrap();
    bed.get(&too_large).await.unwrap();
    assert_eq!(bed.kept(&[&advertised, &second, &too_large]).await, [&advertised, &second]);
    // What is stored now is about to be advertised.
    let (new, spool) = archive("new", 15_000);
    bed.cache.store(&new, &spool).await.unwrap();
    assert!(bed.kept(&[&new]).await == [&new]);
}

#[tokio::test]
async fn what_is_too_large_is_streamed_and_not_kept() {
    for settings in [SMALL, CacheSettings { memory: 0, disk: 0 }, CacheSettings { memory: 1 << 20, disk: 0 }] {
        let bed = Bed::new(settings);
        let key = bed.put("huge", 2 << 20).await;
        assert_eq!(bed.get(&key).await.unwrap().len(), 2 << 20);
        assert_eq!(bed.try_get(&key, Some(5..15)).await.unwrap().unwrap().len(), 10);
        assert_eq!(bed.kept(&[&key]).await, [] as [&ArtifactKey; 0]);
    }
}

#[tokio::test]
async fn each_place_has_a_bound_of_its_own() {
    let bed = Bed::new(SMALL);
    let small = bed.put("small", 1000).await;
    bed.get(&small).await.unwrap();
    for number in 0..20 {
        let large = bed.put(&format!("large-{number}"), 300_000).await;
        bed.get(&large).await.unwrap();
        let (memory, disk) = bed.cache.shelf.used();
        assert!(memory <= SMALL.memory && disk <= SMALL.disk && disk > 0, "{memory} {disk}");
    }
    assert_eq!(bed.kept(&[&small]).await, [&small]);
}

#[tokio::test]
async fn what_is_given_back_can_be_had_again() {
    let bed = Bed::new(SMALL);
    for round in 0..100 {
        let (key, spool) = archive(&format!("config-{round}"), 9000);
        bed.cache.store(&key, &spool).await.unwrap();
        if round % 3 == 0 {
            bed.cache.delete(&key).await.unwrap();
        }
        drop(bed.cache.shelf.reserve(&archive("given-back", 5).0, 9000, false, false));
    }
    let (memory, disk) = bed.cache.shelf.used();
    assert!(memory <= SMALL.memory && disk == 0, "{memory} {disk}");
    bed.cache.shelf.forget_all();
    assert_eq!(bed.cache.shelf.used(), (0, 0));
}
