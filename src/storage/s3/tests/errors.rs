//! Every kind of trouble has an error of its own, which says what to do and tells no secret.

use testbed::s3::{KMS_KEY, Kind};
use testbed::{Origin, Reply};

use super::*;

/// Tries to store something; gives the error, which is the same the second time.
async fn refused(settings: S3Settings) -> S3Error {
    let storage = S3Storage::open(settings.clone()).await.unwrap();
    let (key, content) = archive("config", 1, 0);
    let mut texts = Vec::new();
    let mut last = None;
    for _ in 0..2 {
        let led = storage.lead(true).await;
        let error = match led {
            Ok(()) => storage.store(&key, &content).await.unwrap_err(),
            Err(error) => error,
        };
        texts.push(error.to_string());
        let StorageError::S3(error) = error else { panic!("{error}") };
        last = Some(error);
    }
    assert_eq!(texts[0], texts[1], "it would be written again and again");
    for secret in [ACCESS_KEY, SECRET_KEY, "wrong"] {
        assert!(!texts[0].contains(secret), "{}", texts[0]);
    }
    last.unwrap()
}

#[tokio::test]
async fn a_missing_bucket_is_told_from_a_missing_archive() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::shared(kind).await.unwrap();
        let nowhere = settings(server, "nowhere".into());
        assert!(matches!(refused(nowhere.clone()).await, S3Error::NoBucket { .. }));
        let storage = S3Storage::open(nowhere).await.unwrap();
        let (key, _) = archive("config", 1, 0);
        for error in [
            storage.stat(&key).await.unwrap_err(),
            storage.retrieve(&key, None).await.err().unwrap(),
            storage.list(Scope::All, None).await.unwrap_err(),
        ] {
            assert!(matches!(error, StorageError::S3(S3Error::NoBucket { .. })), "{error}");
        }
    }
}

#[tokio::test]
async fn a_wrong_key_and_a_wrong_secret_are_told_apart() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::shared(kind).await.unwrap();
        let with = |id: &str, secret: &str| {
            let mut settings = settings(server, "any".into());
            settings.bucket.keys = Some(Keys { id: id.into(), secret: secret.into() });
            settings
        };
        let error = refused(with("wrong-id", SECRET_KEY)).await;
        assert!(matches!(error, S3Error::UnknownKey { .. }), "{error}");
        let error = refused(with(ACCESS_KEY, "wrong-secret")).await;
        assert!(matches!(error, S3Error::WrongSecret { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused_until_its_authority_is_named() {
    for kind in [Kind::Minio, Kind::Versitygw] {
        let server = S3Server::start_with_tls(kind).await.unwrap();
        let mut settings = settings(&server, server.bucket().unwrap());
        let error = refused(settings.clone()).await;
        assert!(matches!(error, S3Error::Tls { .. }), "{error}");
        settings.bucket.ca_file = Some(server.ca_file().unwrap());
        let storage = open_with(settings).await;
        let (key, content) = archive("config", 1, 1);
        storage.store(&key, &content).await.unwrap();
        assert!(read(&storage, &key).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn certificates_that_are_none_stop_the_start() {
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, content, why) in [("empty", "", "no certificate"), ("bad", "-----BEGIN CERTIFICATE-----\nx\n", "")] {
        let mut settings = settings(server, "any".into());
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        settings.bucket.ca_file = Some(path);
        let error = S3Storage::open(settings).await.unwrap_err();
        assert!(matches!(&error, StorageError::S3(S3Error::CaFile { .. })), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_who_answers() {
    let server = S3Server::start(Kind::Versitygw).await.unwrap();
    let mut settings = settings(&server, server.bucket().unwrap());
    settings.bucket.max_attempts = 1;
    settings.bucket.timeout = Duration::from_millis(500);
    server.pause().await.unwrap();
    assert!(matches!(refused(settings.clone()).await, S3Error::Timeout { .. }));
    server.kill().await.unwrap();
    let error = refused(settings).await;
    assert!(matches!(&error, S3Error::Unreachable { why, .. } if why.contains("refused")), "{error}");
}

#[tokio::test]
async fn encryption_is_asked_for_and_one_that_cannot_be_had_is_told() {
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    for (encryption, expected) in [
        (Encryption::Server, "AES256"),
        (Encryption::Kms(None), "aws:kms"),
        (Encryption::Kms(Some(KMS_KEY.into())), "aws:kms"),
    ] {
        let mut settings = settings(server, server.bucket().unwrap());
        settings.bucket.encryption = encryption;
        let storage = open_with(settings).await;
        for parts in [0, 1] {
            let (key, content) = archive("config", 1, parts);
            storage.store(&key, &content).await.unwrap();
            let Bucket { client, place, .. } = &*storage.bucket;
            let head = client.head_object().bucket(&place.bucket).key(place.object(&key)).send().await.unwrap();
            assert_eq!(head.server_side_encryption.unwrap().as_str(), expected);
            assert!(read(&storage, &key).await.unwrap().is_some());
        }
    }
    let mut settings = settings(server, server.bucket().unwrap());
    settings.bucket.encryption = Encryption::Kms(Some("another-key".into()));
    let error = refused(settings).await;
    assert!(matches!(error, S3Error::Encryption { .. }), "{error}");
}

/// What servers say that do not say it on demand.
#[tokio::test]
async fn each_answer_of_a_server_has_its_meaning() {
    type Is = fn(&S3Error) -> bool;
    let origin = Origin::start().await.unwrap();
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    let mut settings = settings(server, "any".into());
    settings.bucket.endpoint = Some(Endpoint { tls: false, authority: origin.address().to_string() });
    settings.bucket.max_attempts = 1;
    let storage = S3Storage::open(settings).await.unwrap();
    let cases: [(u16, &str, Is); 14] = [
        (503, "SlowDown", |error| matches!(error, S3Error::Busy { .. })),
        (503, "", |error| matches!(error, S3Error::Busy { .. })),
        (429, "TooManyRequests", |error| matches!(error, S3Error::Busy { .. })),
        (403, "AccessDenied", |error| matches!(error, S3Error::Denied { .. })),
        (403, "", |error| matches!(error, S3Error::Denied { .. })),
        (403, "RequestTimeTooSkewed", |error| matches!(error, S3Error::ClockSkew { .. })),
        (403, "InvalidAccessKeyId", |error| matches!(error, S3Error::UnknownKey { .. })),
        (403, "SignatureDoesNotMatch", |error| matches!(error, S3Error::WrongSecret { .. })),
        (400, "ExpiredToken", |error| matches!(error, S3Error::Expired { .. })),
        (301, "PermanentRedirect", |error| matches!(error, S3Error::WrongRegion { .. })),
        (400, "AuthorizationHeaderMalformed", |error| matches!(error, S3Error::WrongRegion { .. })),
        (507, "XMinioStorageFull", |error| matches!(error, S3Error::Full { .. })),
        (400, "KMS.NotFoundException", |error| matches!(error, S3Error::Encryption { .. })),
        (500, "InternalError", |error| matches!(error, S3Error::Failed { why, .. } if why.contains("InternalError"))),
    ];
    for (status, code, is) in cases {
        let body = format!("<Error><Code>{code}</Code><Message>{ACCESS_KEY} is secret</Message></Error>");
        let body = if code.is_empty() { "<html>a proxy</html>".to_owned() } else { body };
        for path in ["/any", "/any/"] {
            origin.on(path, Reply::status(status).body(body.clone()).header("content-type", "application/xml"));
        }
        let error = storage.list(Scope::All, None).await.unwrap_err();
        let StorageError::S3(error) = error else { panic!("{error}") };
        assert!(is(&error), "{status} {code}: {error:?}");
        assert!(!error.to_string().contains(ACCESS_KEY), "{error}");
    }
}

#[tokio::test]
async fn settings_and_storages_show_no_key() {
    let server = S3Server::shared(Kind::Minio).await.unwrap();
    let settings = settings(server, server.bucket().unwrap());
    let storage = open_with(settings.clone()).await;
    for shown in [format!("{settings:?}"), format!("{storage:?}")] {
        assert!(!shown.contains(SECRET_KEY) && !shown.contains(ACCESS_KEY), "{shown}");
    }
}
