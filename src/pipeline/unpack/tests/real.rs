//! Archives as real tools write them; see the README beside them.

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/archives/", $name)).as_slice()
    };
}

const A_YAML: (&str, &[u8]) = ("deploy/a.yaml", b"kind: ConfigMap\n");
const README: (&str, &[u8]) = ("README.md", b"hello\n");

fn check(format: &str, bytes: &[u8], strip: i64, expected: &[(&str, &[u8])]) {
    let tree = unpack_with(bytes, &spec(format, strip, ""), ROOMY).unwrap();
    let expected: BTreeMap<String, Vec<u8>> =
        expected.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    assert_eq!(contents(&tree), expected);
}

#[test]
fn tars_with_links_and_long_names_are_read() {
    let long = format!("deploy/{}.yaml", "n".repeat(120));
    let all: [(&str, &[u8]); 4] = [A_YAML, README, ("deploy/run.sh", b"#!/bin/sh\n"), (&long, b"long\n")];
    check("tar.gz", fixture!("gnu.tar.gz"), 1, &all);
    check("tar.gz", fixture!("posix.tar.gz"), 2, &all);
    check("tar.gz", fixture!("git.tar.gz"), 1, &all);
    check("zip", fixture!("git.zip"), 1, &all);
    check("zip", fixture!("infozip.zip"), 1, &all);
    let followed = [all.as_slice(), &[("link", b"hello\n".as_slice())]].concat();
    check("zip", fixture!("python.zip"), 1, &followed);
}

#[test]
fn streamed_and_plain_archives_are_read() {
    check("tar.gz", fixture!("plain.tar"), 1, &[A_YAML, README]);
    check("tar.gz", fixture!("go.tar.gz"), 1, &[A_YAML, README]);
    check("zip", fixture!("go.zip"), 1, &[A_YAML, README]);
    check("zip", fixture!("stdin.zip"), 0, &[("-", b"hello\n")]);
}

#[test]
fn a_path_selects_a_folder_of_the_archive() {
    let tree = unpack_with(fixture!("git.tar.gz"), &spec("tar.gz", 1, "./deploy/"), ROOMY).unwrap();
    let paths: Vec<_> = tree.files().iter().map(TreeFile::path).collect();
    assert_eq!(paths, ["a.yaml", &format!("{}.yaml", "n".repeat(120)), "run.sh"]);
    let tree = unpack_with(fixture!("git.zip"), &spec("zip", 0, "demo-1.0/none"), ROOMY).unwrap();
    assert!(tree.files().is_empty());
}

#[test]
fn a_gzip_of_several_members_is_one_archive() {
    let tar = build::tar(&[("a", b"x")]);
    let members = [build::gzip(&tar[..700]), build::gzip(&tar[700..])].concat();
    check("tar.gz", &members, 0, &[("a", b"x")]);
}

#[test]
fn every_way_to_write_an_entry_that_is_no_content_is_skipped() {
    let archive = build::end(&[
        build::entry(b'g', b"pax_global_header", &build::record("comment", b"0123456789")),
        build::entry(b'5', b"a/", b""),
        build::entry(b'0', b"old-folder/", b""),
        build::entry(b'2', b"a/link", b""),
        build::entry(b'1', b"a/hard", b""),
        build::entry(b'x', b"pax", &build::record("SCHILY.xattr.user.x", b"line\nother 12 x=\n")),
        build::entry(b'0', b"a/b", b"content"),
        build::entry(b'7', b"a/c", b"contiguous"),
    ]);
    check("tar.gz", &archive, 0, &[("a/b", b"content"), ("a/c", b"contiguous")]);
}

#[test]
fn contents_larger_than_memory_go_through_a_file_and_back() {
    let big: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    check(
        "zip",
        &build::zip(&[("z", b"last"), ("big", &big), ("a", b"first")]),
        0,
        &[("a", b"first"), ("big", &big), ("z", b"last")],
    );
}
