//! Packaging of documents of several sizes, and what other ways to compress them would cost and bring.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use flate2::{Compress, Compression, FlushCompress};
use flux_externalsource::generators::{Content, Validators};
use flux_externalsource::pipeline::package::{Advertised, Form, Packaged, Packaging, package};
use flux_externalsource::pipeline::unpack::UnpackLimits;
use flux_externalsource::spool::Spools;
use testbed::document;
use tokio_util::sync::CancellationToken;

/// From what a cluster has many of to the largest that is promised to be quick.
const SIZES: [(&str, usize); 4] =
    [("10 KB", 10_000), ("1 MB", 1_000_000), ("10 MB", 10_000_000), ("100 MB", 100_000_000)];

/// Nothing here is unpacked.
const LIMITS: UnpackLimits = UnpackLimits { entries: 0, total_size: 0, file_size: 0, ratio: 0 };

/// The dictionary of a block, where it has one.
const DICTIONARY: usize = 32 << 10;

fn packaging(spools: &Spools, size: usize, advertised: Option<Advertised>) -> Packaging {
    let mut writer = spools.writer();
    std::io::Write::write_all(&mut writer, document::json(size, 1).as_bytes()).unwrap();
    let content = Content {
        body: writer.finish_blocking().unwrap(),
        validators: Validators::default(),
        content_type: None,
        head: None,
    };
    Packaging {
        content,
        form: Form::Answer,
        destination: None,
        file_name: "data.json".into(),
        unpack: None,
        allow_empty: false,
        advertised,
    }
}

pub fn packages(criterion: &mut Criterion) {
    let (spools, cancelled) = (super::spools(), CancellationToken::new());
    let mut group = criterion.benchmark_group("package");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (name, size) in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let new = packaging(&spools, size, None);
        let Packaged::Archive(archive) = package(&new, &spools, &LIMITS, &cancelled).unwrap() else { return };
        let known = Advertised { revision: archive.revision, manifests: Some(0), stored: true };
        let unchanged = packaging(&spools, size, Some(known));
        for (what, job) in [("new", new), ("unchanged", unchanged)] {
            group.bench_function(format!("{name} {what}"), |bencher| {
                bencher.iter(|| black_box(package(&job, &spools, &LIMITS, &cancelled).unwrap()));
            });
        }
    }
}

/// One thread, one level, blocks of one size with and without dictionary; prints how far the document shrinks.
pub fn levels(criterion: &mut Criterion) {
    let text = document::json(10_000_000, 1);
    let mut group = criterion.benchmark_group("level");
    group.sample_size(10).measurement_time(Duration::from_secs(2)).throughput(Throughput::Bytes(text.len() as u64));
    for level in 1..=6 {
        for (block, dictionary) in [(128 << 10, 0), (128 << 10, DICTIONARY), (1 << 20, 0)] {
            let name = format!("{level}, blocks of {} KiB, dictionary of {} KiB", block >> 10, dictionary >> 10);
            let ratio = text.len() as f64 / compressed(text.as_bytes(), level, block, dictionary) as f64;
            println!("{name}: to one {ratio:.2}th");
            group.bench_function(name, |bencher| {
                bencher.iter(|| compressed(black_box(text.as_bytes()), level, block, dictionary));
            });
        }
    }
}

fn compressed(text: &[u8], level: u32, block: usize, dictionary: usize) -> usize {
    let compress = |start| {
        let input = &text[start..text.len().min(start + block)];
        let mut compressor = Compress::new(Compression::new(level), false);
        if dictionary > 0 && start > 0 {
            compressor.set_dictionary(&text[start - dictionary..start]).unwrap();
        }
        let mut output = Vec::with_capacity(block + 1024);
        compressor.compress_vec(input, &mut output, FlushCompress::Sync).unwrap();
        output.len()
    };
    (0..text.len()).step_by(block).map(compress).sum()
}
