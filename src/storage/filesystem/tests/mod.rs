//! What is particular to a volume.

mod damage;
mod errors;
mod power;
mod remains;
mod writers;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures::TryStreamExt as _;
use tempfile::TempDir;

use super::disk::{Observer, Op};
use super::*;
use crate::api::ObjectName;
use crate::digest::Digest;
use crate::spool::Spools;
use crate::storage::conformance;

fn settings(root: &Path) -> FilesystemSettings {
    FilesystemSettings {
        root: root.to_owned(),
        shared: false,
        base_url: "http://artifacts.example".into(),
        owner: Owner { cluster: Some("c1".into()), namespace: "flux-system".into(), release: "main".into() },
        take_over: None,
        holder: "the test".into(),
        timeout: std::time::Duration::from_secs(30),
    }
}

/// A folder in memory where that can be had: what tests here show needs no disk, and syncs of disks take long.
fn temporary() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

async fn open() -> (FilesystemStorage, TempDir) {
    let folder = temporary();
    let mut storage = open_at(folder.path()).await;
    storage.page_size = conformance::PAGE_SIZE;
    (storage, folder)
}

async fn open_at(root: &Path) -> FilesystemStorage {
    FilesystemStorage::open(settings(root)).await.unwrap()
}

async fn observed(root: &Path, observer: Arc<Observer>) -> FilesystemStorage {
    FilesystemStorage::open_on(settings(root), Disk::observed(observer)).await.unwrap()
}

conformance::each_behaviour!(open().await);

fn archive(name: &str, content: &[u8]) -> (ArtifactKey, Spool) {
    let spool = Spools::from_bytes(content.to_vec());
    (ArtifactKey::new(ObjectName::new("team-a", name), spool.digest()), spool)
}

async fn put(storage: &FilesystemStorage, name: &str, content: &[u8]) -> ArtifactKey {
    let (key, spool) = archive(name, content);
    storage.store(&key, &spool).await.unwrap();
    key
}

async fn get(storage: &FilesystemStorage, key: &ArtifactKey) -> Option<Vec<u8>> {
    let (_, content) = storage.retrieve(key, None).await.unwrap()?;
    Some(content.into_stream().try_collect::<Vec<_>>().await.unwrap().concat())
}

async fn is_sound(storage: &FilesystemStorage, key: &ArtifactKey) -> bool {
    get(storage, key).await.is_some_and(|bytes| Digest::of(&bytes) == key.digest())
}

/// The paths below `root`, of files and of folders, in order.
fn tree(root: &Path) -> Vec<String> {
    fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
        // Empty folders go in the background.
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            paths.push(entry.path());
            walk(&entry.path(), paths);
        }
    }
    let mut paths = Vec::new();
    walk(root, &mut paths);
    let mut paths: Vec<_> =
        paths.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

fn archives(root: &Path) -> Vec<String> {
    tree(root).into_iter().filter(|path| path.starts_with("artifacts/")).collect()
}

fn unfinished(root: &Path) -> Vec<String> {
    tree(root).into_iter().filter(|path| path.contains("unfinished/")).collect()
}

/// An error as the system gives it.
fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}
