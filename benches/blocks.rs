//! Measures the building blocks one by one, without a cluster: packaging, spooling, storing, serving. `just bench-blocks`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "blocks/packaging.rs"]
mod packaging;

use std::hint::black_box;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flux_externalsource::api::ObjectName;
use flux_externalsource::http::artifacts::{ArtifactSettings, Artifacts};
use flux_externalsource::http::{self, ServerSettings};
use flux_externalsource::spool::{Spool, Spools};
use flux_externalsource::storage::filesystem::{FilesystemSettings, FilesystemStorage};
use flux_externalsource::storage::memory::{MemorySettings, MemoryStorage};
use flux_externalsource::storage::{ArtifactKey, Owner, Presence, Storage};
use futures::StreamExt as _;
use testbed::document;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// Bytes of a small body, of which a cluster has many, and of a large one.
const SIZES: [(&str, usize); 2] = [("10 KB", 10 << 10), ("1 MB", 1 << 20)];

/// Spools as the controller's default has them.
fn spools() -> Spools {
    Spools::new(1 << 20, std::env::temp_dir())
}

fn writes(criterion: &mut Criterion) {
    let spools = spools();
    let mut group = criterion.benchmark_group("spool");
    for (name, size) in SIZES {
        let text = document::json(size, 1);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(name, |bencher| {
            let write = |mut writer: flux_externalsource::spool::SpoolWriter| {
                for chunk in text.as_bytes().chunks(16 << 10) {
                    writer.write_all(chunk).unwrap();
                }
                writer.finish_blocking().unwrap()
            };
            bencher.iter_batched(|| spools.writer(), write, BatchSize::SmallInput);
        });
    }
}

/// A storage of each kind; a folder that holds one has to outlive it.
async fn storages(folder: &Path) -> Vec<(&'static str, Arc<dyn Storage>)> {
    let presence = Arc::new(Presence::default());
    let memory = MemorySettings { capacity: 1 << 30, base_url: String::new() };
    let filesystem = FilesystemSettings {
        timeout: std::time::Duration::from_secs(30),
        root: folder.to_owned(),
        shared: false,
        base_url: String::new(),
        owner: Owner { cluster: None, namespace: "bench".into(), release: "bench".into() },
        take_over: None,
        holder: "the bench".into(),
    };
    vec![
        ("memory", Arc::new(MemoryStorage::new(memory, presence))),
        ("filesystem", Arc::new(FilesystemStorage::open(filesystem).await.unwrap())),
    ]
}

/// An archive of this many bytes that no other number gives.
fn archive(size: usize, number: u64) -> (ArtifactKey, Spool) {
    let mut bytes = vec![7; size];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    let archive = Spools::from_bytes(bytes);
    (ArtifactKey::new(ObjectName::new("bench", "source"), archive.digest()), archive)
}

fn stores(criterion: &mut Criterion) {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let mut group = criterion.benchmark_group("store");
    for (kind, storage) in runtime.block_on(storages(folder.path())) {
        for (name, size) in [SIZES[0], SIZES[1], ("20 MB", 20 << 20)] {
            let mut number = 0;
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(format!("{name} {kind}"), |bencher| {
                let next = || {
                    number += 1;
                    archive(size, number)
                };
                let storage = &storage;
                let store = |(key, archive)| async move {
                    storage.store(&key, &archive).await.unwrap();
                    storage.delete(&key).await.unwrap();
                };
                bencher.to_async(&runtime).iter_batched(next, store, BatchSize::SmallInput);
            });
        }
    }
}

fn reads(criterion: &mut Criterion) {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let mut group = criterion.benchmark_group("retrieve");
    for (kind, storage) in runtime.block_on(storages(folder.path())) {
        for (name, size) in [SIZES[0], SIZES[1], ("20 MB", 20 << 20)] {
            let (key, archive) = archive(size, 0);
            runtime.block_on(storage.store(&key, &archive)).unwrap();
            let read = async || {
                let (_, pieces) = storage.retrieve(&key, None).await.unwrap().unwrap();
                let mut pieces = pieces.into_stream();
                while let Some(piece) = pieces.next().await {
                    black_box(piece.unwrap());
                }
            };
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(format!("{name} {kind}"), |bencher| bencher.to_async(&runtime).iter(read));
        }
    }
}

fn downloads(criterion: &mut Criterion) {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let mut group = criterion.benchmark_group("serve");
    for (kind, storage) in runtime.block_on(storages(folder.path())) {
        for (name, size) in [("20 KB", 20 << 10), ("20 MB", 20 << 20)] {
            let (key, archive) = archive(size, 0);
            runtime.block_on(storage.store(&key, &archive)).unwrap();
            let address = runtime.block_on(serve(Arc::clone(&storage)));
            let mut client = runtime.block_on(TcpStream::connect(address)).unwrap();
            let request = format!("GET /{key} HTTP/1.1\r\nhost: bench\r\n\r\n");
            group.throughput(Throughput::Bytes(size as u64));
            group.bench_function(format!("{name} {kind} over loopback"), |bencher| {
                bencher.iter(|| runtime.block_on(download(&mut client, &request, size)));
            });
        }
    }
}

/// One request over an open connection.
async fn download(client: &mut TcpStream, request: &str, size: usize) {
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut buffer, mut read, mut whole) = (vec![0; 256 << 10], 0, usize::MAX);
    while read < whole {
        let length = client.read(&mut buffer).await.unwrap();
        assert!(length > 0, "the connection broke");
        if read == 0 {
            let head = buffer[..length].windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            whole = head + size;
        }
        read += length;
    }
}

async fn serve(storage: Arc<dyn Storage>) -> SocketAddr {
    let artifacts = Artifacts::new(storage, Arc::default(), ArtifactSettings::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_secs(60);
    let settings = ServerSettings { max_connections: 16, header_timeout: limit, idle_timeout: limit, buffer: 65536 };
    tokio::spawn(http::serve(listener, artifacts, settings, CancellationToken::new(), limit));
    address
}

criterion_group!(blocks, packaging::packages, packaging::levels, writes, stores, reads, downloads);
criterion_main!(blocks);
