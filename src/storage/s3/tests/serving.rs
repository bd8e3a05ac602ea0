//! URLs that do not lead through the controller.

use testbed::s3::Kind;

use super::*;

#[tokio::test]
async fn a_signed_url_gives_the_archive_to_those_without_a_key() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::shared(kind).await.unwrap();
        let serve = Serve::Redirect(Duration::from_secs(60));
        let storage = open_with(S3Settings { serve, ..settings(server, server.bucket().unwrap()) }).await;
        let (key, content) = archive("config", 1, 0);
        storage.store(&key, &content).await.unwrap();
        assert_eq!(storage.url(&key), format!("http://artifacts.test/{key}"));
        let url = storage.redirect(&key).await.unwrap().unwrap();
        assert!(!url.contains(SECRET_KEY));
        let bytes = content.in_memory().unwrap();
        let answer = reqwest::get(&url).await.unwrap().error_for_status().unwrap();
        assert_eq!(answer.headers()["content-type"], "application/gzip");
        assert!(answer.bytes().await.unwrap() == bytes);
        let part = reqwest::Client::new().get(&url).header("range", "bytes=5-9").send().await.unwrap();
        assert_eq!((part.status().as_u16(), part.bytes().await.unwrap()), (206, bytes.slice(5..10)));
        let bare = url.split_once('?').unwrap().0;
        assert_eq!(reqwest::get(bare).await.unwrap().status(), 403, "the bucket is private");
    }
}

#[tokio::test]
async fn other_ways_to_serve_redirect_nobody() {
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    for serve in [Serve::Controller, Serve::Direct] {
        let settings = S3Settings { serve, ..settings(server, server.bucket().unwrap()) };
        let bucket = settings.bucket.bucket.clone();
        let storage = open_with(settings).await;
        let (key, _) = archive("config", 1, 0);
        assert_eq!(storage.redirect(&key).await.unwrap(), None);
        let expected = match serve {
            Serve::Direct => format!("{}/{bucket}/flux/main/{key}", server.endpoint()),
            _ => format!("http://artifacts.test/{key}"),
        };
        assert_eq!(storage.url(&key), expected);
    }
}
