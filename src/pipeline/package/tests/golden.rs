//! The exact bytes of what we make.
//!
//! When one of these digests changes, every user's artifacts change with the next version, although no content did:
//! another *revision* makes every consumer apply again, another *digest* makes every artifact be stored and downloaded
//! again. A new release of tar or zlib-rs is the usual cause. If the change is meant, put the new values here and say
//! so in the changelog; the failing assertion prints them.

use super::*;

/// Long enough that the path needs a pax record, for the file and for its folder.
const LONG: &str =
    "a-folder-whose-name-alone-is-longer-than-a-ustar-header-can-hold-because-it-goes-on-and-on-and-on-and-on/x";

/// Text that is neither random nor trivial, of more than one block.
fn text(len: usize) -> Vec<u8> {
    let words = ["id", "name", "service", "true", "false", "null", "2025-01-01", "{", "}", "[", "]", ":"];
    let mut state = 1u32;
    let mut text = Vec::new();
    while text.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(state >> 16) as usize % words.len()].as_bytes());
        text.push(b' ');
    }
    text.truncate(len);
    text
}

fn golden_tree() -> Packaging {
    tree_job(&[
        ("z.yaml", b"kind: ConfigMap\n"),
        ("a/b/c.yml", b"kind: Secret\n"),
        ("a-b", b""),
        ("a.json", b"{\"a\": [1, 2, 3]}"),
        (LONG, b"long"),
        ("Übersicht.json", b"[0]"),
        ("big.txt", &text(200_000)),
    ])
}

#[test]
fn one_file_gives_known_bytes() {
    let archive = archive(&Packaging { destination: Some("app/config.yaml".into()), ..job("kind: ConfigMap\n") });
    assert_eq!(archive.revision.0.to_string(), "fbba950832b65c1efc108ac16c5bb47a597b8c38c3206dd7678cdc5146098794");
    assert_eq!(archive.bytes.digest().to_string(), "2664d705de4716d7c7bf551e9a87ac7bf517c01f582d472aca9972d8d2ebd08f");
    assert_eq!(archive.manifests, 1);
}

#[test]
fn a_tree_gives_known_bytes() {
    let archive = archive(&golden_tree());
    assert_eq!(archive.revision.0.to_string(), "6ffdfafa05be36c5ad68da8b386f4485de9eb967ae2cf67b7e183b0e087e2345");
    assert_eq!(archive.bytes.digest().to_string(), "da9a33f22b706c8d85a76ffe2746e909c1e0dc36433a56af8f2a01acca358dc5");
    assert_eq!(archive.manifests, 2);
}

#[test]
fn the_revision_is_the_digest_of_the_tar() {
    let archive = archive(&golden_tree());
    assert_eq!(archive.revision.0, Digest::of(&decompressed(&archive)));
    assert_eq!(archive.bytes.digest(), Digest::of(&bytes(&archive.bytes)));
}

#[test]
fn entries_are_sorted_with_folders_first() {
    let names: Vec<_> = entries(&archive(&golden_tree())).into_iter().map(|(name, _)| name).collect();
    let long_folder = LONG.trim_end_matches('x');
    assert_eq!(
        names,
        ["a-b", long_folder, LONG, "a.json", "a/", "a/b/", "a/b/c.yml", "big.txt", "z.yaml", "Übersicht.json"]
    );
}

#[test]
fn headers_say_nothing_about_who_made_them_or_when() {
    let tar = decompressed(&archive(&golden_tree()));
    let mut tar = ::tar::Archive::new(tar.as_slice());
    for entry in tar.entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let mode = if header.entry_type().is_dir() { 0o755 } else { 0o644 };
        assert_eq!(header.mode().unwrap(), mode);
        assert_eq!((header.mtime().unwrap(), header.uid().unwrap(), header.gid().unwrap()), (0, 0, 0));
        let ustar = header.as_ustar().unwrap();
        assert!(ustar.username_bytes().is_empty() && ustar.groupname_bytes().is_empty());
    }
    let gzip = bytes(&archive(&golden_tree()).bytes);
    assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}
