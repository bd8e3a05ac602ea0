//! Measures the building blocks one by one, without a cluster: packaging, spooling, serving. `just bench-blocks`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use flux_externalsource::api::ObjectName;
use flux_externalsource::generators::{Content, Validators};
use flux_externalsource::http::{self, ServerSettings, artifacts};
use flux_externalsource::pipeline::package::{Advertised, Form, Packaged, Packaging, package};
use flux_externalsource::pipeline::unpack::UnpackLimits;
use flux_externalsource::spool::Spools;
use flux_externalsource::storage::memory::{MemorySettings, MemoryStorage};
use flux_externalsource::storage::{ArtifactKey, Presence, Storage as _};
use tokio_util::sync::CancellationToken;

/// Bytes of a small body, of which a cluster has many, and of a large one.
const SIZES: [(&str, usize); 2] = [("10 KB", 10 << 10), ("1 MB", 1 << 20)];

/// Nothing here is unpacked.
const LIMITS: UnpackLimits = UnpackLimits { entries: 0, total_size: 0, file_size: 0, ratio: 0 };

/// Spools as the controller's default has them.
fn spools() -> Spools {
    Spools::new(4 << 20, std::env::temp_dir())
}

/// A manifest that shrinks to about half.
fn body(size: usize) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bench}\ndata:\n".to_owned();
    while text.len() < size {
        let line = format!("  key-{}: {:032x}\n", text.len(), random.u128(..));
        text.push_str(&line);
    }
    text
}

fn packaging(size: usize, advertised: Option<Advertised>) -> Packaging {
    let content = Content {
        body: Spools::from_bytes(body(size)),
        validators: Validators::default(),
        content_type: None,
        head: None,
    };
    Packaging {
        content,
        form: Form::Answer,
        destination: None,
        file_name: "map.yaml".into(),
        unpack: None,
        allow_empty: false,
        advertised,
    }
}

fn packages(criterion: &mut Criterion) {
    let (spools, limits, cancelled) = (spools(), LIMITS, CancellationToken::new());
    let mut group = criterion.benchmark_group("package");
    for (name, size) in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let changed = packaging(size, None);
        let Packaged::Archive(archive) = package(&changed, &spools, &limits, &cancelled).unwrap() else { return };
        let known = Advertised { revision: archive.revision, manifests: Some(1), stored: true };
        let unchanged = packaging(size, Some(known));
        for (what, job) in [("changed", changed), ("unchanged", unchanged)] {
            group.bench_function(format!("{name} {what}"), |bencher| {
                bencher.iter(|| black_box(package(&job, &spools, &limits, &cancelled).unwrap()));
            });
        }
    }
}

fn writes(criterion: &mut Criterion) {
    let spools = spools();
    let mut group = criterion.benchmark_group("spool");
    for (name, size) in SIZES {
        let text = body(size);
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

fn downloads(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let archive = Spools::from_bytes(vec![7; 100 << 10]);
    let key = ArtifactKey::new(ObjectName::new("bench", "source"), archive.digest());
    let address = runtime.block_on(serve(&key, &archive));
    let (client, url) = (reqwest::Client::new(), format!("http://{address}/{key}"));
    let mut group = criterion.benchmark_group("serve");
    group.throughput(Throughput::Bytes(archive.len()));
    group.bench_function("100 KB over loopback", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let answer = client.get(&url).send().await.unwrap().bytes().await.unwrap();
            assert_eq!(answer.len() as u64, archive.len());
        });
    });
}

async fn serve(key: &ArtifactKey, archive: &flux_externalsource::spool::Spool) -> SocketAddr {
    let presence = Arc::new(Presence::default());
    let settings = MemorySettings { capacity: 1 << 30, base_url: String::new() };
    let storage = Arc::new(MemoryStorage::new(settings, Arc::clone(&presence)));
    storage.store(key, archive).await.unwrap();
    let router = artifacts::router(storage, presence, artifacts::ArtifactSettings::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_secs(60);
    let settings = ServerSettings { max_connections: 16, header_timeout: limit, idle_timeout: limit, buffer: 65536 };
    tokio::spawn(http::serve(listener, router, settings, CancellationToken::new(), limit));
    address
}

criterion_group!(blocks, packages, writes, downloads);
criterion_main!(blocks);
