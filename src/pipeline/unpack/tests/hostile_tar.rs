//! Tars that must be refused.

use super::build::{end, entry, gzip, pax_named, record, sized, tar};
use super::*;

fn refused(what: &str, bytes: &[u8], message: &str) {
    match unpack_with(bytes, &spec("tar.gz", 0, ""), ROOMY) {
        Ok(tree) => panic!("{what}: accepted {:?}", tree.files()),
        Err(error) => assert!(error.to_string().contains(message), "{what}: {error}"),
    }
}

#[test]
fn names_that_leave_the_folder_or_hide_something_are_refused() {
    let long_segment = "s".repeat(256);
    let deep = vec!["d"; 65].join("/");
    let long = vec!["seventeen-letters"; 60].join("/");
    let named: [(&str, Vec<u8>, &str); 17] = [
        ("absolute", entry(b'0', b"/etc/passwd", b""), "\"/etc/passwd\" is absolute"),
        ("parent", entry(b'0', b"../a", b""), "\"../a\" has a \"..\" segment"),
        ("parent inside", entry(b'0', b"a/../../b", b""), "has a \"..\" segment"),
        ("parent at the end", entry(b'5', b"a/..", b""), "has a \"..\" segment"),
        ("absolute folder", entry(b'5', b"/a/", b""), "is absolute"),
        ("link with an absolute name", entry(b'2', b"/a", b""), "is absolute"),
        ("hard link above", entry(b'1', b"../a", b""), "has a \"..\" segment"),
        ("backslash", entry(b'0', b"a\\b", b""), "has a backslash"),
        ("newline", entry(b'0', b"a\nb", b""), "\"a\\nb\" has a control character"),
        ("escape sequence", entry(b'0', b"a\x1b[2Jb", b""), "has a control character"),
        ("not UTF-8", entry(b'0', b"a\xff", b""), "is not UTF-8"),
        ("NUL by pax", pax_named(b"a\0b", b""), "has a control character"),
        ("parent by pax", pax_named(b"../a", b""), "has a \"..\" segment"),
        ("long segment", pax_named(long_segment.as_bytes(), b""), "longer than 255 bytes"),
        ("deep", pax_named(deep.as_bytes(), b""), "deeper than 64"),
        ("long", pax_named(long.as_bytes(), b""), "longer than 1024 bytes"),
        (
            "parent by GNU long name",
            [entry(b'L', b"././@LongLink", b"../a\0"), entry(b'0', b"b", b"")].concat(),
            "\"../a\" has a \"..\" segment",
        ),
    ];
    for (what, bytes, message) in named {
        refused(what, &gzip(&end(&[bytes])), message);
    }
}

#[test]
fn two_entries_in_one_place_are_refused() {
    for (what, names, message) in [
        ("duplicate", ["a/b", "a/b"], "two files that end up at \"a/b\""),
        ("duplicate in disguise", ["a/b", "./a//b"], "two files that end up at \"a/b\""),
        ("case", ["a/B", "a/b"], "differ only in case, one of them \"a/b\""),
        ("case beyond ASCII", ["Ä", "ä"], "differ only in case"),
        ("file, then folder", ["a", "a/b"], "both a file and a folder at \"a\""),
        ("folder, then file", ["a/b/c", "a"], "both a file and a folder at \"a\""),
    ] {
        refused(what, &tar(&names.map(|name| (name, b"".as_slice()))), message);
    }
}

#[test]
fn entries_that_are_no_source_files_are_refused() {
    for (what, kind, message) in [
        ("character device", b'3', "neither a file nor a folder nor a link"),
        ("block device", b'4', "neither a file nor a folder nor a link"),
        ("FIFO", b'6', "neither a file nor a folder nor a link"),
        ("GNU volume header", b'V', "neither a file nor a folder nor a link"),
        ("unknown type", b'Q', "neither a file nor a folder nor a link"),
        ("GNU sparse file", b'S', "sparse"),
    ] {
        refused(what, &end(&[entry(kind, b"dev/x", b"")]), message);
    }
    let sparse = [entry(b'x', b"pax", &record("GNU.sparse.major", b"1")), entry(b'0', b"s", b"1\n0\n")].concat();
    refused("pax sparse file", &end(&[sparse]), "sparse");
}

#[test]
fn archives_that_tools_read_differently_are_refused() {
    let sizes = [entry(b'x', b"pax", &record("size", b"0")), entry(b'0', b"a", &entry(b'0', b"hidden", b"x"))].concat();
    refused("two sizes", &end(&[sizes]), "two sizes for \"a\"");
    refused("global path", &end(&[entry(b'g', b"g", &record("path", b"x"))]), "pax header");
    refused("global size", &end(&[entry(b'g', b"g", &record("size", b"1"))]), "pax header");
    for records in [b"8 path=x\n".as_slice(), b"path=x\n", b"10 path=x\n\n", b"99999999999999999999 a=b\n", b"8 path=x"]
    {
        refused("pax record", &end(&[entry(b'x', b"pax", records)]), "pax header");
    }
    refused("pax size", &end(&[entry(b'x', b"pax", &record("size", b"-1"))]), "pax header");
}

#[test]
fn damaged_and_foreign_bytes_are_refused() {
    let good = tar(&[("a", &[7; 1000])]);
    let packed = gzip(&good);
    let mut checksum = good.clone();
    checksum[148] ^= 1;
    let mut crc = packed.clone();
    let at = crc.len() - 8;
    crc[at] ^= 1;
    let mut deflate = gzip(&(0..9000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
    deflate[4000..4040].fill(0xaa);
    let page = b"<!doctype html><title>Sign in</title>";
    for (what, bytes, message) in [
        ("nothing", Vec::new(), "is no tar.gz archive"),
        ("a page", page.to_vec(), "is no tar.gz archive"),
        ("a zip", build::zip(&[("a", b"x")]), "is no tar.gz archive"),
        ("gzip of a page", gzip(&page.repeat(30)), "is broken"),
        ("gzip of nothing", gzip(b""), "is cut off"),
        ("header checksum", checksum, "is broken: archive header checksum mismatch"),
        ("gzip checksum", crc, "is broken: corrupt gzip stream"),
        ("deflate stream", deflate, "is broken"),
        ("cut gzip", packed[..packed.len() - 20].to_vec(), "is cut off"),
        ("cut gzip trailer", packed[..packed.len() - 3].to_vec(), "is cut off"),
        ("cut in a file", good[..1000].to_vec(), "is cut off"),
        ("cut in the padding", good[..512 + 1000].to_vec(), "is cut off"),
        ("cut after a file", good[..512 + 1024].to_vec(), "is cut off"),
        ("cut in a header", [&good[..1536], &good[..100]].concat(), "is cut off"),
        ("other data after gzip", [&packed[..], b"garbage"].concat(), "has other data after its end"),
        ("other data after tar", [&good[..], b"garbage"].concat(), "has other data after its end"),
        ("a second tar", [&good[..], &good[..]].concat(), "has other data after its end"),
        ("name without entry", end(&[entry(b'L', b"././@LongLink", b"a\0")]), "is cut off"),
        ("pax without entry", end(&[entry(b'x', b"pax", &record("path", b"a"))]), "is cut off"),
        ("cut pax", sized(b'x', b"pax", 600, b"9 path=x\n"), "is cut off"),
        ("huge extension header", end(&[sized(b'L', b"l", 2 << 20, b"")]), "an extension header of 2097152 bytes"),
    ] {
        refused(what, &bytes, message);
    }
}
