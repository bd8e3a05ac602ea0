//! Same content, same bytes; and what went in comes out.

mod golden;
mod outcome;

use std::collections::BTreeMap;
use std::io::Read as _;

use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::generators::Validators;
use crate::pipeline::unpack::path;
use crate::pipeline::unpack::path::PathProblem;

const LIMITS: UnpackLimits = UnpackLimits { entries: 1000, total_size: 64 << 20, file_size: 64 << 20, ratio: 1000 };

fn spools() -> Spools {
    Spools::new(1 << 20, std::env::temp_dir())
}

fn content(body: Spool) -> Content {
    Content { body, validators: Validators::default(), content_type: None, head: None }
}

/// A job for one file named `data.json`.
fn job(body: impl Into<Vec<u8>>) -> Packaging {
    Packaging {
        form: Form::Answer,
        content: content(Spools::from_bytes(body.into())),
        destination: None,
        file_name: "data.json".to_owned(),
        unpack: None,
        allow_empty: false,
        advertised: None,
    }
}

/// A job for the tree of these files, by way of a tar.
fn tree_job(files: &[(&str, &[u8])]) -> Packaging {
    let mut tar = ::tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, *bytes).unwrap();
    }
    let unpack = Unpack { format: "tar.gz".into(), ..Unpack::default() };
    Packaging { unpack: Some(unpack), ..job(tar.into_inner().unwrap()) }
}

fn run(job: &Packaging) -> Result<Packaged, PackageError> {
    package(job, &spools(), &LIMITS, &CancellationToken::new())
}

fn archive(job: &Packaging) -> Archive {
    match run(job).unwrap() {
        Packaged::Archive(archive) => archive,
        Packaged::Unchanged => panic!("unchanged"),
    }
}

fn bytes(spool: &Spool) -> Vec<u8> {
    let mut bytes = Vec::new();
    spool.reader().read_to_end(&mut bytes).unwrap();
    bytes
}

fn decompressed(archive: &Archive) -> Vec<u8> {
    let mut tar = Vec::new();
    flate2::bufread::GzDecoder::new(bytes(&archive.bytes).as_slice()).read_to_end(&mut tar).unwrap();
    tar
}

/// Names of all entries in order, folders with a slash, and contents of the files.
fn entries(archive: &Archive) -> Vec<(String, Vec<u8>)> {
    let tar = decompressed(archive);
    let mut tar = ::tar::Archive::new(tar.as_slice());
    let read = |entry: io::Result<::tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        assert_eq!(entry.header().entry_type().is_dir(), name.ends_with('/'), "{name}");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    };
    tar.entries().unwrap().map(read).collect()
}

/// Segments as people and machines write them; long ones need more than ustar offers.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9._ ~-]{1,12}",
        1 => "[a-z]{90,255}",
        1 => "[äöü漢字🦀]{1,40}",
    ]
    .prop_filter("a dot segment", |segment| segment != "." && segment != "..")
}

fn files() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let path = prop::collection::vec(segment(), 1..4).prop_map(|segments| segments.join("/"));
    prop::collection::btree_map(path, prop::collection::vec(any::<u8>(), 0..1500), 1..12).prop_filter(
        "paths in each other's way",
        |files| {
            let mut folded: Vec<_> = files.keys().map(|path| path.to_lowercase()).collect();
            folded.sort();
            folded.iter().all(|path| folded.iter().filter(|other| path == *other).count() == 1)
                && !folded.iter().any(|a| folded.iter().any(|b| b.starts_with(&format!("{a}/"))))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_in_comes_out_sorted_and_inside(files in files(), root in prop::option::of("[a-z]{1,9}(/[a-z]{1,9})?")) {
        let list: Vec<(&str, &[u8])> = files.iter().rev().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let job = Packaging { destination: root.clone(), allow_empty: true, ..tree_job(&list) };
        let archive = archive(&job);
        let entries = entries(&archive);
        let names: Vec<_> = entries.iter().map(|(name, _)| name.as_bytes()).collect();
        prop_assert!(names.is_sorted());
        let root = root.map_or(String::new(), |root| format!("{root}/"));
        let expected: BTreeMap<_, _> = files.iter().map(|(path, bytes)| (format!("{root}{path}"), bytes.clone())).collect();
        for (name, _) in &entries {
            prop_assert_eq!(path::check(name.trim_end_matches('/')), Ok(()));
            if let Some((parent, _)) = name.trim_end_matches('/').rsplit_once('/') {
                let parent = format!("{parent}/");
                prop_assert!(names.iter().position(|name| *name == parent.as_bytes()) < names.iter().position(|n| *n == name.as_bytes()));
            }
        }
        let read: BTreeMap<_, _> = entries.into_iter().filter(|(name, _)| !name.ends_with('/')).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn the_outcome_does_not_depend_on_how_the_input_arrived(
        body in prop::collection::vec(any::<u8>(), 1..3000),
        repeat in 1usize..200,
        cut in 1usize..70_000,
        memory in prop_oneof![Just(0), Just(1 << 24)],
    ) {
        let body = body.repeat(repeat);
        let expected = archive(&Packaging { allow_empty: true, ..job(body.clone()) });
        let spools = Spools::new(memory, std::env::temp_dir());
        let mut writer = spools.writer();
        for chunk in body.chunks(cut) {
            writer.write_all(chunk).unwrap();
        }
        let other = Packaging { content: content(writer.finish_blocking().unwrap()), allow_empty: true, ..job("") };
        let Packaged::Archive(other) = package(&other, &spools, &LIMITS, &CancellationToken::new()).unwrap() else {
            return Err(TestCaseError::fail("unchanged"));
        };
        prop_assert_eq!(other.bytes.digest(), expected.bytes.digest());
        prop_assert_eq!(other.revision, expected.revision);
    }
}
