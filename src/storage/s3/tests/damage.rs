//! Objects whose bytes are not those of their names.

use aws_sdk_s3::primitives::ByteStream as Body;
use testbed::s3::Kind;

use super::*;

/// Puts other bytes of the same length under the key, as a broken disk or a careless hand does.
async fn damage(storage: &S3Storage, key: &ArtifactKey, content: &Spool) {
    let mut bytes = content.in_memory().unwrap().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let Bucket { client, place, .. } = &*storage.bucket;
    let put = client.put_object().bucket(&place.bucket).key(place.object(key)).body(Body::from(bytes));
    put.send().await.unwrap();
}

#[tokio::test]
async fn a_damaged_archive_is_never_served_whole_and_storing_it_again_mends_it() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let (storage, ()) = open(kind).await;
        let (key, content) = archive("config", 1, 1);
        storage.store(&key, &content).await.unwrap();
        assert!(read(&storage, &key).await.unwrap().is_some());
        damage(&storage, &key, &content).await;

        // Nobody has looked at these bytes yet: the reader is told at the end, before it has all of them.
        let (_, archive) = storage.retrieve(&key, None).await.unwrap().unwrap();
        let mut stream = archive.into_stream();
        let (mut given, mut error) = (0, None);
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => given += chunk.len() as u64,
                Err(other) => error = Some(other),
            }
        }
        assert!(given < content.len(), "{given} bytes were given");
        assert!(matches!(error, Some(StorageError::Corrupt { .. })), "{error:?}");

        // From now on it is known.
        assert!(storage.retrieve(&key, None).await.unwrap().is_none());
        assert!(storage.retrieve(&key, Some(0..10)).await.unwrap().is_none());
        assert_eq!(storage.stat(&key).await.unwrap(), None);
        assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Damaged);
        assert_eq!(storage.list(Scope::All, None).await.unwrap().entries.len(), 1, "it can be deleted");
        storage.store(&key, &content).await.unwrap();
        assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Sound);
        assert!(read(&storage, &key).await.unwrap().as_deref() == content.in_memory().map(|bytes| &bytes[..]));
    }
}

#[tokio::test]
async fn a_part_of_a_damaged_archive_is_not_served_either() {
    let (storage, ()) = open(Kind::Minio).await;
    let (key, content) = archive("config", 2, 0);
    storage.store(&key, &content).await.unwrap();
    damage(&storage, &key, &content).await;
    assert!(storage.retrieve(&key, Some(0..10)).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_no_archive_is_neither_listed_nor_in_the_way() {
    let (storage, ()) = open(Kind::Minio).await;
    let Bucket { client, place, .. } = &*storage.bucket;
    for name in ["artifacts/readme.txt", "artifacts/team-a/config/latest.tar.gz", "other/object"] {
        let put = client.put_object().bucket(&place.bucket).key(place.of_printed(name)).body(Body::from_static(b"x"));
        put.send().await.unwrap();
    }
    let (key, content) = archive("config", 3, 0);
    storage.store(&key, &content).await.unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = storage.list(Scope::All, after.as_deref()).await.unwrap();
        found.extend(page.entries.into_iter().map(|stored| stored.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [key]);
}
