//! The server over files: the same answers, and nothing that is damaged.

use std::fs;

use axum::http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use tempfile::TempDir;

use super::*;
use crate::storage::cache::{CacheSettings, Cached};
use crate::storage::filesystem::{FilesystemSettings, FilesystemStorage};
use crate::storage::{Owner, Scope};

pub(super) async fn on_a_volume() -> (Fixture, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let storage = volume(&folder).await;
    (Fixture::over(Arc::new(storage)).await, folder)
}

/// The same with copies of up to a megabyte in memory, and of more in files.
async fn with_copies() -> (Fixture, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = CacheSettings { memory: 2 << 20, disk: 8 << 20 };
    let spools = Spools::new(1 << 20, std::env::temp_dir());
    let storage = Cached::new(Arc::new(volume(&folder).await), settings, &spools, Arc::default());
    (Fixture::over(Arc::new(storage)).await, folder)
}

/// Request headers, status, content.
type Case<'a> = (&'a [(HeaderName, &'a str)], u16, &'a [u8]);

async fn volume(folder: &TempDir) -> FilesystemStorage {
    let settings = FilesystemSettings {
        root: folder.path().to_owned(),
        shared: false,
        base_url: "http://x".into(),
        owner: Owner { cluster: None, namespace: "flux-system".into(), release: "main".into() },
        take_over: None,
        holder: "the test".into(),
        timeout: std::time::Duration::from_secs(30),
    };
    FilesystemStorage::open(settings).await.unwrap()
}

#[tokio::test]
async fn every_request_is_answered_as_from_memory() {
    let (files, _folder) = on_a_volume().await;
    let memory = Fixture::new().await;
    let etag = files.etag();
    let cases: [&[(HeaderName, &str)]; 14] = [
        &[],
        &[(RANGE, "bytes=0-0")],
        &[(RANGE, "bytes=3-")],
        &[(RANGE, "bytes=-4")],
        &[(RANGE, "bytes=10-")],
        &[(RANGE, "bytes=0-2,4-5")],
        &[(IF_NONE_MATCH, &etag)],
        &[(IF_NONE_MATCH, "\"other\"")],
        &[(IF_MATCH, "\"other\"")],
        &[(IF_MODIFIED_SINCE, "Fri, 31 Dec 9999 23:59:59 GMT")],
        &[(IF_MODIFIED_SINCE, "Sun, 06 Nov 1994 08:49:37 GMT")],
        &[(RANGE, "bytes=2-5"), (IF_RANGE, &etag)],
        &[(RANGE, "bytes=2-5"), (IF_RANGE, "\"other\"")],
        &[(RANGE, "bytes=2-5"), (IF_NONE_MATCH, &etag)],
    ];
    for headers in cases {
        for method in ["GET", "HEAD"] {
            let (mut from_file, mut from_memory) =
                (files.ask(method, &files.path(), headers).await, memory.ask(method, &memory.path(), headers).await);
            let stored_at = [&mut from_file, &mut from_memory].map(|answer| answer.headers.remove(LAST_MODIFIED));
            assert_eq!(stored_at[0].is_some(), stored_at[1].is_some(), "{method} {headers:?}");
            assert_eq!(from_file.status, from_memory.status, "{method} {headers:?}");
            assert_eq!(from_file.headers, from_memory.headers, "{method} {headers:?}");
            assert_eq!(from_file.body(), from_memory.body(), "{method} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_damaged_file_is_being_rebuilt_or_not_there() {
    let (files, folder) = on_a_volume().await;
    assert_eq!(files.get(&[]).await.body(), CONTENT);
    for damage in [&CONTENT[1..], b"", b"9876543210", b"01234567890123456789"] {
        fs::write(folder.path().join(files.key.to_string()), damage).unwrap();
        for (method, headers) in [("GET", &[][..]), ("HEAD", &[]), ("GET", &[(RANGE, "bytes=0-1")])] {
            let answer = files.ask(method, &files.path(), headers).await;
            assert_eq!((answer.status, answer.header(RETRY_AFTER)), (503, Some("5")), "{method} {headers:?}");
        }
    }
    files.presence.advertise(files.key.source(), None);
    assert_eq!(files.get(&[]).await.status, 404);
    files.storage.store(&files.key, &Spools::from_bytes(CONTENT)).await.unwrap();
    assert_eq!(files.get(&[]).await.body(), CONTENT);
}

#[tokio::test]
async fn a_download_under_way_survives_a_deletion() {
    let (files, _folder) = on_a_volume().await;
    let large = Spools::from_bytes(vec![1; 3 << 20]);
    let key = ArtifactKey::new(ObjectName::new("team-a", "large"), large.digest());
    files.storage.store(&key, &large).await.unwrap();
    let uri = format!("/{key}").parse().unwrap();
    let response = files.artifacts().answer(Method::GET, uri, HeaderMap::new(), None).await;
    files.storage.delete(&key).await.unwrap();
    let read = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(read.len(), 3 << 20);
    let left = files.storage.list(Scope::All, None).await.unwrap().entries;
    assert!(left.iter().all(|stored| stored.key != key));
}

#[tokio::test]
async fn what_has_a_copy_is_served_in_every_way_while_the_volume_is_away() {
    let (files, folder) = with_copies().await;
    let large = Spools::from_bytes(vec![7; 3 << 20]);
    let (key, unknown) = (ArtifactKey::new(ObjectName::new("team-a", "large"), large.digest()), b"never asked for");
    files.storage.store(&key, &large).await.unwrap();
    // The bytes given here are in memory, but too many for the copies there: the file is copied when it is asked for.
    assert_eq!(files.ask("GET", &format!("/{key}"), &[]).await.body().len(), 3 << 20);
    let unknown = ArtifactKey::new(ObjectName::new("team-a", "unknown"), Digest::of(unknown));
    files.presence.advertise(unknown.source(), Some(unknown.clone()));
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();

    let etag = files.etag();
    let cases: [Case; 4] = [
        (&[], 200, CONTENT),
        (&[(RANGE, "bytes=3-5")], 206, b"345"),
        (&[(IF_NONE_MATCH, &etag)], 304, b""),
        (&[(IF_MATCH, "\"other\"")], 412, b""),
    ];
    for (headers, status, body) in cases {
        let answer = files.get(headers).await;
        assert_eq!((answer.status, answer.body()), (status, body), "{headers:?}");
    }
    assert_eq!(files.ask("HEAD", &files.path(), &[]).await.status, 200);
    assert_eq!(files.ask("GET", &format!("/{key}"), &[]).await.body().len(), 3 << 20);
    assert_eq!(files.ask("GET", &format!("/{unknown}"), &[]).await.status, 503);
    fs::rename(&away, folder.path()).unwrap();
}
