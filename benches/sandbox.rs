//! What it costs to run a program in the sandbox: from the start to the end of the program, with a document through it. `just bench-sandbox`.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use flux_externalsource::sandbox::{Limits, Program, Sandbox, SandboxSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;

fn limits() -> Limits {
    Limits {
        time: Duration::from_secs(30),
        cpu: Duration::from_secs(30),
        memory: 256 << 20,
        processes: 64,
        files: 256,
        disk: 64 << 20,
        stdin: 256 << 20,
        stdout: 256 << 20,
        stderr: 64 << 10,
    }
}

async fn through(sandbox: &Sandbox, program: &Program, document: &[u8]) {
    let mut running = sandbox.start(program, &limits()).unwrap();
    let (mut stdin, mut stdout) = (running.stdin.take().unwrap(), running.stdout.take().unwrap());
    let write = async {
        stdin.write_all(document).await.unwrap();
        drop(stdin);
    };
    let mut read = Vec::with_capacity(document.len());
    let ((), length) = tokio::join!(write, stdout.read_to_end(&mut read));
    assert_eq!(length.unwrap(), document.len());
    running.end().await.unwrap();
}

fn round_trips(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let wrapper = PathBuf::from(env!("CARGO_BIN_EXE_flux-externalsource"));
    let settings = SandboxSettings { wrapper, ..SandboxSettings::new(folder.path()) };
    let sandbox = Sandbox::new(settings).unwrap();
    let cat = Program { path: "/bin/cat".into(), args: Vec::new(), env: Vec::new(), proxy: None };
    for (name, size) in [("1 KB", 1 << 10), ("1 MB", 1 << 20), ("50 MB", 50 << 20)] {
        let mut group = criterion.benchmark_group("sandbox");
        group.throughput(criterion::Throughput::Bytes(size as u64)).sample_size(20);
        group.bench_function(format!("cat of {name}"), |bencher| {
            bencher.to_async(&runtime).iter_batched(
                || vec![b'x'; size],
                async |document| through(&sandbox, &cat, &document).await,
                BatchSize::PerIteration,
            );
        });
    }
}

criterion_group!(benches, round_trips);
criterion_main!(benches);
