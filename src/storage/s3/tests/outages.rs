//! The server goes away in the middle.

use testbed::eventually;
use testbed::s3::Kind;

use super::*;

/// Settings under which an outage is over before patience is.
async fn world(kind: Kind) -> (S3Server, S3Storage) {
    let server = S3Server::start(kind).await.unwrap();
    let storage = open_with(settings(&server, server.bucket().unwrap())).await;
    (server, storage)
}

#[tokio::test]
async fn a_read_goes_on_where_a_crash_of_the_server_broke_it_off() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let (server, storage) = world(kind).await;
        let (key, content) = archive("config", 1, 8);
        storage.store(&key, &content).await.unwrap();
        let (_, archive) = storage.retrieve(&key, None).await.unwrap().unwrap();
        let mut stream = archive.into_stream();
        let mut bytes = stream.try_next().await.unwrap().unwrap().to_vec();
        server.kill().await.unwrap();
        server.restart().await.unwrap();
        while let Some(chunk) = stream.try_next().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        assert!(content.in_memory().unwrap() == &bytes, "other bytes came back");
    }
}

#[tokio::test]
async fn a_read_whose_server_does_not_come_back_fails_before_its_end() {
    let (server, storage) = world(Kind::Versitygw).await;
    let (key, content) = archive("config", 1, 8);
    storage.store(&key, &content).await.unwrap();
    let (_, stream) = storage.retrieve(&key, None).await.unwrap().unwrap();
    server.kill().await.unwrap();
    let error = stream.into_stream().try_collect::<Vec<_>>().await.unwrap_err();
    assert!(matches!(error, StorageError::S3(S3Error::Unreachable { .. } | S3Error::Failed { .. })), "{error:?}");
}

#[tokio::test]
async fn a_crash_of_the_server_in_the_middle_of_a_store_harms_nothing() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let (server, storage) = world(kind).await;
        let (before, first) = archive("config", 1, 2);
        storage.store(&before, &first).await.unwrap();
        let (key, content) = archive("config", 2, 12);
        let storage = Arc::new(storage);
        let store = {
            let (storage, key, content) = (Arc::clone(&storage), key.clone(), content.clone());
            tokio::spawn(async move { storage.store(&key, &content).await })
        };
        let Bucket { client, place, .. } = &*storage.bucket;
        let begun = async || {
            let uploads = client.list_multipart_uploads().bucket(&place.bucket).prefix(place.object(&key));
            anyhow::ensure!(!uploads.send().await?.uploads().is_empty(), "not begun");
            Ok(())
        };
        eventually("the upload to begin", Duration::from_secs(60), begun).await.unwrap();
        server.kill().await.unwrap();
        let error = store.await.unwrap().unwrap_err();
        assert!(matches!(error, StorageError::S3(_)), "{error:?}");
        server.restart().await.unwrap();
        assert_eq!(storage.verify(&before).await.unwrap(), Integrity::Sound);
        assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Absent);
        storage.store(&key, &content).await.unwrap();
        assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Sound);
    }
}

#[tokio::test]
async fn a_server_that_is_away_at_the_start_is_no_reason_not_to_start() {
    let server = S3Server::start(Kind::Minio).await.unwrap();
    let settings = settings(&server, server.bucket().unwrap());
    server.kill().await.unwrap();
    let storage = S3Storage::open(settings).await.unwrap();
    assert!(storage.lead(true).await.is_err());
    let (key, content) = archive("config", 1, 0);
    assert!(storage.store(&key, &content).await.is_err());
    server.restart().await.unwrap();
    storage.store(&key, &content).await.unwrap();
    assert_eq!(storage.verify(&key).await.unwrap(), Integrity::Sound);
}
