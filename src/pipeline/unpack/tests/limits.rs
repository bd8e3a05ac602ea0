//! Bombs: many entries, large files, large sums, and little that unpacks to much.

use super::build::{central, end, entry, gzip, patch, tar, zip};
use super::*;

fn both(files: &[(&str, &[u8])]) -> [(&'static str, Vec<u8>); 2] {
    [("tar.gz", gzip(&tar(files))), ("zip", zip(files))]
}

fn outcome(format: &str, bytes: &[u8], limits: UnpackLimits) -> Result<usize, String> {
    unpack_with(bytes, &spec(format, 0, ""), limits).map(|tree| tree.files().len()).map_err(|error| error.to_string())
}

#[test]
fn limits_are_reached_and_not_exceeded() {
    for (format, bytes) in both(&[("a", &[1; 600]), ("b", &[2; 400])]) {
        let limits = |entries, total_size, file_size| UnpackLimits { entries, total_size, file_size, ratio: 100 };
        assert_eq!(outcome(format, &bytes, limits(2, 1000, 600)), Ok(2));
        for (limits, message) in [
            (limits(1, 1000, 600), "the archive has more than 1 entries"),
            (limits(2, 999, 600), "the archive unpacks to more than 999 bytes"),
            (limits(2, 1000, 599), "the archive's entry \"a\" unpacks to more than 599 bytes"),
        ] {
            assert_eq!(outcome(format, &bytes, limits), Err(message.to_owned()), "{format}");
        }
    }
}

#[test]
fn little_that_unpacks_to_much_is_refused_once_it_is_more_than_a_little() {
    let small = vec![0; 900 * 1024];
    let large = vec![0; 4 * 1024 * 1024];
    for (format, bytes) in both(&[("zeros", &small)]) {
        assert_eq!(outcome(format, &bytes, ROOMY), Ok(1));
    }
    for (format, bytes) in both(&[("zeros", &large)]) {
        assert_eq!(outcome(format, &bytes, ROOMY), Err("the archive unpacks to more than 100 times its size".into()));
        assert_eq!(outcome(format, &bytes, UnpackLimits { ratio: 2000, ..ROOMY }), Ok(1));
    }
}

#[test]
fn what_is_not_a_file_counts_towards_the_ratio() {
    let padding = gzip(&[tar(&[("a", b"x")]), vec![0; 4 * 1024 * 1024]].concat());
    assert!(outcome("tar.gz", &padding, ROOMY).unwrap_err().contains("100 times"));
    let long_links = vec![entry(b'K', b"././@LongLink", &vec![b'a'; 900 * 1024]); 4];
    assert!(outcome("tar.gz", &gzip(&end(&long_links)), ROOMY).unwrap_err().contains("100 times"));
}

#[test]
fn every_kind_of_entry_counts() {
    for kind in [b'5', b'2', b'g', b'K'] {
        let archive = end(&vec![entry(kind, b"n", b""); 5]);
        let limits = UnpackLimits { entries: 4, ..ROOMY };
        assert_eq!(outcome("tar.gz", &archive, limits), Err("the archive has more than 4 entries".into()), "{kind}");
    }
}

#[test]
fn what_is_not_taken_from_a_tar_is_unpacked_all_the_same() {
    let files: [(&str, &[u8]); 2] = [("in/a", &[1; 10]), ("out/b", &[2; 1000])];
    let limits = UnpackLimits { total_size: 100, ..ROOMY };
    let [(_, tar_gz), (_, zip)] = both(&files);
    assert!(matches!(unpack_with(&tar_gz, &spec("tar.gz", 0, "in"), limits), Err(UnpackError::TooLarge(100))));
    assert!(unpack_with(&zip, &spec("zip", 0, "in"), limits).is_ok());
}

#[test]
fn a_zip_whose_entries_share_their_data_is_counted_in_full() {
    // Every entry of the directory points at the first one's data; the local name matches only one of them.
    let archive = zip(&[("aaaa", &[1; 1000]), ("bbbb", &[1; 1000])]);
    let second = central(&archive, 1);
    let shared = patch(archive, second + 42, &[0; 4]);
    assert!(outcome("zip", &shared, ROOMY).unwrap_err().contains("is broken"));
}

#[test]
fn a_zip_that_claims_millions_of_entries_costs_nothing() {
    let archive = zip(&[("a", b"x")]);
    let end = archive.len() - 22;
    let claims = patch(archive, end + 8, &[0xff, 0xfe, 0xff, 0xfe]);
    assert!(matches!(
        unpack_with(&claims, &spec("zip", 0, ""), ROOMY),
        Err(UnpackError::Corrupt(..) | UnpackError::TooManyEntries(_))
    ));
}
