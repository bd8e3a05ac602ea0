//! Whose bucket it is.

use testbed::s3::Kind;

use super::*;

#[tokio::test]
async fn another_installations_bucket_is_refused_until_it_is_taken_over_by_name() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::shared(kind).await.unwrap();
        let theirs = settings(server, server.bucket().unwrap());
        open_with(theirs.clone()).await;
        open_with(theirs.clone()).await;
        let mut ours = S3Settings { owner: owner("other"), ..theirs.clone() };
        let error = S3Storage::open(ours.clone()).await.unwrap_err();
        assert!(matches!(error, StorageError::S3(S3Error::Foreign { .. })), "{error}");
        for part in ["release \"main\"", "STORAGE_TAKE_OVER", "\"c/flux-system/main\""] {
            assert!(error.to_string().contains(part), "{error}");
        }
        ours.take_over = Some("c/flux-system/main".into());
        open_with(ours).await;
        let error = S3Storage::open(theirs).await.unwrap_err();
        assert!(error.to_string().contains("release \"other\""), "{error}");
    }
}

#[tokio::test]
async fn two_installations_below_two_prefixes_never_meet() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::shared(kind).await.unwrap();
        let one = settings(server, server.bucket().unwrap());
        // The one's prefix is the beginning of the other's.
        let mut other = S3Settings { owner: owner("other"), ..one.clone() };
        other.bucket.prefix = format!("{}-2", one.bucket.prefix);
        let mut whole = S3Settings { owner: owner("whole"), ..one.clone() };
        whole.bucket.prefix = String::new();
        let storages = [open_with(one).await, open_with(other).await, open_with(whole).await];
        let (key, content) = archive("config", 1, 0);
        for (number, storage) in storages.iter().enumerate() {
            assert_eq!(storage.stat(&key).await.unwrap(), None, "{number}");
            storage.store(&key, &content).await.unwrap();
            begin_upload(storage, &key).await;
        }
        for (number, storage) in storages.iter().enumerate() {
            assert_eq!(storage.list(Scope::All, None).await.unwrap().entries.len(), 1, "{number}");
            assert_eq!(storage.remove_unfinished(Duration::ZERO).await.unwrap(), 1, "{number}");
            storage.delete(&key).await.unwrap();
            for later in &storages[number + 1..] {
                assert_eq!(later.verify(&key).await.unwrap(), Integrity::Sound);
            }
        }
    }
}

async fn begin_upload(storage: &S3Storage, key: &ArtifactKey) {
    let Bucket { client, place, .. } = &*storage.bucket;
    client.create_multipart_upload().bucket(&place.bucket).key(place.object(key)).send().await.unwrap();
}

#[tokio::test]
async fn of_two_that_come_at_once_one_gets_an_empty_bucket() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::shared(kind).await.unwrap();
        let one = settings(server, server.bucket().unwrap());
        let other = S3Settings { owner: owner("other"), ..one.clone() };
        let one = S3Storage::open(one).await.unwrap();
        let other = S3Storage::open(other).await.unwrap();
        let (first, second) = tokio::join!(one.lead(true), other.lead(true));
        assert!(first.is_ok() != second.is_ok(), "{kind:?}: {first:?} {second:?}");
        let (winner, loser) = if first.is_ok() { (one, other) } else { (other, one) };
        let (key, content) = archive("config", 1, 0);
        winner.store(&key, &content).await.unwrap();
        let error = loser.store(&key, &content).await.unwrap_err();
        assert!(matches!(error, StorageError::S3(S3Error::Foreign { .. })), "{error}");
    }
}

#[tokio::test]
async fn only_the_one_that_leads_writes_and_each_reads() {
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    let settings = settings(server, server.bucket().unwrap());
    let leader = open_with(settings.clone()).await;
    let standby = S3Storage::open(settings).await.unwrap();
    let (key, content) = archive("config", 1, 0);
    leader.store(&key, &content).await.unwrap();
    assert!(read(&standby, &key).await.unwrap().is_some());
    for error in [
        standby.store(&key, &content).await.unwrap_err(),
        standby.delete(&key).await.unwrap_err(),
        standby.remove_unfinished(Duration::ZERO).await.unwrap_err(),
    ] {
        assert!(matches!(error, StorageError::S3(S3Error::NotWriter { .. })), "{error}");
    }
    leader.lead(false).await.unwrap();
    standby.lead(true).await.unwrap();
    assert!(leader.delete(&key).await.is_err());
    standby.delete(&key).await.unwrap();
}

#[tokio::test]
async fn a_marker_that_nobody_can_read_stops_the_start() {
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    let settings = settings(server, server.bucket().unwrap());
    let storage = open_with(settings.clone()).await;
    let Bucket { client, place, .. } = &*storage.bucket;
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"{");
    client.put_object().bucket(&place.bucket).key(place.marker()).body(body).send().await.unwrap();
    let error = S3Storage::open(settings).await.unwrap_err();
    assert!(error.to_string().contains("flux/main/.flux-externalsource/owner.json"), "{error}");
}
