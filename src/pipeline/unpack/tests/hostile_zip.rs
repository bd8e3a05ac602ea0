//! Zips that must be refused.

use super::build::{central, patch, rename, zip};
use super::*;

fn refused(what: &str, bytes: &[u8], message: &str) {
    match unpack_with(bytes, &spec("zip", 0, ""), ROOMY) {
        Ok(tree) => panic!("{what}: accepted {:?}", tree.files()),
        Err(error) => assert!(error.to_string().contains(message), "{what}: {error}"),
    }
}

/// Sets the Unix mode of the first entry.
fn with_mode(archive: Vec<u8>, mode: u16) -> Vec<u8> {
    let header = central(&archive, 0);
    let archive = patch(archive, header + 5, &[3]);
    patch(archive, header + 40, &mode.to_le_bytes())
}

#[test]
fn names_that_leave_the_folder_or_collide_are_refused() {
    for (what, from, to, message) in [
        ("absolute", "aaaa", "/etc", "\"/etc\" is absolute"),
        ("parent", "aaaa", "../x", "has a \"..\" segment"),
        ("backslash", "aaaa", "a\\bc", "has a backslash"),
        ("newline", "aaaa", "a\nbc", "has a control character"),
        ("duplicate", "aaaa", "bbbb", "two files that end up at \"bbbb\""),
        ("case", "aaaa", "BBBB", "differ only in case"),
        ("file and folder", "aaaa", "c/dd", "both a file and a folder at \"c\""),
    ] {
        let archive = zip(&[("aaaa", b"x"), ("bbbb", b"y"), ("c", b"z")]);
        refused(what, &rename(archive, from, to), message);
    }
}

#[test]
fn entries_that_are_no_files_are_dropped_or_refused() {
    let archive = zip(&[("link", b"/etc/passwd"), ("file", b"y")]);
    let tree = unpack_with(&with_mode(archive.clone(), 0o120_777), &spec("zip", 0, ""), ROOMY).unwrap();
    assert_eq!(tree.files().iter().map(TreeFile::path).collect::<Vec<_>>(), ["file"]);
    for mode in [0o020_644, 0o060_644, 0o140_644] {
        refused(
            "special file",
            &with_mode(archive.clone(), mode),
            "\"link\" is neither a file nor a folder nor a link",
        );
    }
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let archive = zip(&[("aaaa", b"some text, some text, some text")]);
    let header = central(&archive, 0);
    let both = |bytes: Vec<u8>, local: usize, value: &[u8]| {
        let bytes = patch(bytes, local, value);
        patch(bytes, header + local + 2, value)
    };
    for (what, bytes, message) in [
        ("encrypted", both(archive.clone(), 6, &[1, 0]), "\"aaaa\" is encrypted"),
        ("bzip2", both(archive.clone(), 8, &[12, 0]), "\"aaaa\" is compressed by a method other than deflate"),
        ("unknown method", both(archive.clone(), 8, &[99, 1]), "\"aaaa\" is compressed by a method other than"),
        ("checksum", both(archive.clone(), 14, &[1, 2, 3, 4]), "is broken"),
        ("longer than it says", both(archive.clone(), 22, &[3, 0, 0, 0]), "is broken"),
        ("shorter than it says", both(archive.clone(), 22, &[90, 0, 0, 0]), "is broken"),
        ("two names", patch(archive.clone(), 30, b"bbbb"), "is broken"),
        ("two sizes", patch(archive.clone(), 22, &[3, 0, 0, 0]), "is broken"),
        ("local header elsewhere", patch(archive.clone(), header + 42, &[1, 0, 0, 0]), "is broken"),
        ("local header nowhere", patch(archive.clone(), header + 42, &[255, 255, 0, 0]), "zip archive is "),
        ("deflate stream", patch(archive.clone(), 36, &[0xff; 6]), "is broken"),
    ] {
        refused(what, &bytes, message);
    }
}

#[test]
fn damaged_and_foreign_bytes_are_refused() {
    let good = zip(&[("aaaa", b"x"), ("bbbb", b"y")]);
    let end = good.len() - 22;
    for (what, bytes, message) in [
        ("nothing", Vec::new(), "is no zip archive"),
        ("a page", b"<html></html>".to_vec(), "is no zip archive"),
        ("a tar", build::tar(&[("a", b"x")]), "is no zip archive"),
        ("data before it", [b"#!/bin/sh\n", good.as_slice()].concat(), "is no zip archive"),
        ("a zip before it", [&zip(&[("c", b"z")])[..], &good[..]].concat(), "zip archive is "),
        ("data after it", [good.as_slice(), b"garbage"].concat(), "has other data after its end"),
        ("cut in the end record", good[..good.len() - 3].to_vec(), "has other data after its end"),
        ("cut before the end record", good[..end].to_vec(), "is cut off"),
        ("cut in the first entry", good[..20].to_vec(), "is cut off"),
        ("more entries than there are", patch(good.clone(), end + 8, &[3, 0, 3, 0]), "is broken"),
        ("directory elsewhere", patch(good.clone(), end + 16, &[1, 0, 0, 0]), "is broken"),
        ("several disks", patch(good.clone(), end + 4, &[1, 0]), "is broken"),
    ] {
        refused(what, &bytes, message);
    }
}

#[test]
fn a_zip64_with_a_huge_end_record_is_refused_before_it_is_read() {
    let good = zip(&[("aaaa", b"x")]);
    let (entries, end) = good.split_at(good.len() - 22);
    let sector = vec![0; 2 << 20];
    let directory = central(&good, 0) as u64;
    let mut record = b"PK\x06\x06".to_vec();
    record.extend((44 + sector.len() as u64).to_le_bytes());
    record.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for field in [1, 1, entries.len() as u64 - directory, directory] {
        record.extend(field.to_le_bytes());
    }
    let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
    locator.extend((entries.len() as u64).to_le_bytes());
    locator.extend(1u32.to_le_bytes());
    let end = &patch(end.to_vec(), 8, &[0xff; 12]);
    let small = [entries, &patch(record.clone(), 4, &44u64.to_le_bytes()), &locator, end].concat();
    assert!(unpack_with(&small, &spec("zip", 0, ""), ROOMY).is_ok());
    refused("huge end", &[entries, &record, &sector, &locator, end].concat(), "its index is too large");
}
