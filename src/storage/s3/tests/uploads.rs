//! Uploads in parts: taken back when they fail, and found when nobody was left to do so.

use testbed::eventually;
use testbed::s3::Kind;

use super::*;
use crate::digest::Digest;
use crate::spool::Spools;

/// Uploads of this object that the server knows of.
async fn unfinished(storage: &S3Storage, object: &str) -> usize {
    let Bucket { client, place, .. } = &*storage.bucket;
    let uploads = client.list_multipart_uploads().bucket(&place.bucket).prefix(object).send().await.unwrap();
    uploads.uploads().len()
}

async fn begin(storage: &S3Storage, object: &str) {
    let Bucket { client, place, .. } = &*storage.bucket;
    client.create_multipart_upload().bucket(&place.bucket).key(object).send().await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_given_up_in_the_middle_is_taken_back() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let (storage, ()) = open(kind).await;
        let storage = Arc::new(storage);
        let (key, content) = archive("config", 1, 6);
        let object = storage.bucket.place.object(&key);
        let store = {
            let (storage, key, content) = (Arc::clone(&storage), key.clone(), content.clone());
            tokio::spawn(async move { storage.store(&key, &content).await })
        };
        let minute = Duration::from_secs(60);
        let begun = async || {
            anyhow::ensure!(unfinished(&storage, &object).await == 1, "not begun");
            Ok(())
        };
        eventually("the upload to begin", minute, begun).await.unwrap();
        store.abort();
        let over = async || {
            anyhow::ensure!(unfinished(&storage, &object).await == 0, "not over");
            Ok(())
        };
        eventually("the upload to be taken back", minute, over).await.unwrap();
        storage.store(&key, &content).await.unwrap();
        assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Sound);
    }
}

#[tokio::test]
async fn bytes_that_are_not_what_was_announced_are_taken_back() {
    let (storage, ()) = open(Kind::Minio).await;
    let announced = Digest::of(b"announced");
    let (_, content) = archive("config", 1, 2);
    let spool = Spools::mislabelled(content.in_memory().unwrap(), announced);
    let key = ArtifactKey::new(ObjectName::new("team-a", "config"), announced);
    let error = storage.store(&key, &spool).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
    assert_eq!(storage.stat(&key).await.unwrap(), None);
    let object = storage.bucket.place.object(&key);
    let over = async || {
        anyhow::ensure!(unfinished(&storage, &object).await == 0, "not over");
        Ok(())
    };
    eventually("the upload to be taken back", Duration::from_secs(60), over).await.unwrap();
}

#[tokio::test]
async fn unfinished_uploads_are_removed_by_age_and_only_ours() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let (storage, ()) = open(kind).await;
        let (key, _) = archive("config", 1, 0);
        let (other, _) = archive("other", 2, 0);
        let place = &storage.bucket.place;
        let ours = [place.object(&key), place.object(&other)];
        let theirs =
            [format!("elsewhere/{key}"), format!("{}x/object", place.folder(Scope::All).trim_end_matches('/'))];
        for object in ours.iter().chain(&theirs) {
            begin(&storage, object).await;
        }
        assert_eq!(storage.remove_unfinished(Duration::from_secs(3600)).await.unwrap(), 0);
        assert_eq!(storage.remove_unfinished(Duration::ZERO).await.unwrap(), 2, "{kind:?}");
        assert_eq!(storage.remove_unfinished(Duration::ZERO).await.unwrap(), 0);
        for object in &ours {
            assert_eq!(unfinished(&storage, object).await, 0);
        }
        for object in &theirs {
            assert_eq!(unfinished(&storage, object).await, 1, "{object}");
        }
    }
}
