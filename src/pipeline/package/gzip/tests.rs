//! The same bytes from any number of threads and any cutting, and everybody's gzip reads them.

use std::io::Read as _;

use flate2::bufread::GzDecoder;
use proptest::prelude::*;

use super::block::{BLOCK, DICTIONARY};
use super::helpers::Helpers;
use super::*;

/// Text that is neither random nor trivial.
fn text(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(len as u64);
    let words = ["id", "name", "service", "true", "null", "2025-01-01", "{", "}", ":"];
    let mut text = Vec::new();
    while text.len() < len {
        text.extend_from_slice(words[random.usize(..words.len())].as_bytes());
        text.push(random.u8(b' '..b'0'));
    }
    text.truncate(len);
    text
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    fastrand::Rng::with_seed(len as u64).fill(&mut bytes);
    bytes
}

fn compress(input: &[u8], threads: usize, cut: usize) -> Vec<u8> {
    let helpers: &'static Helpers = Box::leak(Box::new(Helpers::new(threads - 1)));
    let mut gzip = Gzip::with(Vec::new(), Crew::of(helpers)).unwrap();
    for chunk in input.chunks(cut) {
        gzip.write_all(chunk).unwrap();
        gzip.flush().unwrap();
    }
    gzip.finish().unwrap()
}

fn decompress(gzip: &[u8]) -> Vec<u8> {
    let (mut decoder, mut bytes) = (GzDecoder::new(gzip), Vec::new());
    decoder.read_to_end(&mut bytes).unwrap();
    assert!(decoder.into_inner().is_empty(), "more than one member");
    bytes
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    for input in [text(20 * BLOCK + 17), noise(20 * BLOCK + 17), vec![0; 20 * BLOCK]] {
        let alone = compress(&input, 1, 8192);
        assert!(decompress(&alone) == input);
        for threads in [2, 3, 8] {
            for _ in 0..3 {
                assert!(compress(&input, threads, 8192) == alone, "{threads}");
            }
        }
    }
}

#[test]
fn every_length_around_the_end_of_a_block_comes_out_again() {
    for len in [0, 1, DICTIONARY, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1] {
        for input in [text(len), noise(len)] {
            let gzip = compress(&input, 2, BLOCK);
            assert!(decompress(&gzip) == input, "{len}");
            assert!(gzip.len() <= input.len() + input.len() / 1000 + 40, "{len} became {}", gzip.len());
        }
    }
}

#[test]
fn blocks_cost_next_to_nothing() {
    let input = text(10 * BLOCK);
    let mut whole = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(2));
    whole.write_all(&input).unwrap();
    let (whole, blocks) = (whole.finish().unwrap().len(), compress(&input, 1, BLOCK).len());
    assert!(blocks < whole + whole / 100, "{blocks} instead of {whole}");
}

#[test]
fn what_fits_one_block_needs_no_thread() {
    let mut gzip = Gzip::new(Vec::new()).unwrap();
    gzip.write_all(&text(BLOCK)).unwrap();
    assert_eq!(gzip.crew.helpers_at_work(), 0);
    gzip.finish().unwrap();
}

#[test]
fn helpers_are_gone_when_the_archive_is_given_up() {
    static HELPERS: Helpers = Helpers::new(3);
    let mut gzip = Gzip::with(Vec::new(), Crew::of(&HELPERS)).unwrap();
    gzip.write_all(&noise(9 * BLOCK)).unwrap();
    assert_eq!(gzip.crew.helpers_at_work(), 3);
    assert!(HELPERS.permit().is_none());
    drop(gzip);
    let permits: Vec<_> = std::iter::from_fn(|| HELPERS.permit()).collect();
    assert_eq!(permits.len(), 3);
}

#[test]
fn a_sink_that_fails_ends_it() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut gzip = Gzip::new(Full(3 * BLOCK)).unwrap();
    let failed = gzip.write_all(&noise(9 * BLOCK)).and_then(|()| gzip.finish().map(drop));
    assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_cutting_and_no_number_of_threads_shows(
        len in 0..5 * BLOCK,
        cuts in prop::collection::vec(1..2 * BLOCK, 1..20),
        threads in 1usize..9,
        random in any::<bool>(),
    ) {
        let input = if random { noise(len) } else { text(len) };
        let expected = compress(&input, 1, input.len().max(1));
        let helpers: &'static Helpers = Box::leak(Box::new(Helpers::new(threads - 1)));
        let mut gzip = Gzip::with(Vec::new(), Crew::of(helpers)).unwrap();
        let (mut rest, mut cuts) = (input.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
            gzip.write_all(chunk).unwrap();
            rest = after;
        }
        let gzip = gzip.finish().unwrap();
        prop_assert!(gzip == expected);
        prop_assert!(decompress(&gzip) == input);
    }
}
