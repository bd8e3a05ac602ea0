//! The same bytes come back, whether they stayed in memory or went to a file.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use futures::TryStreamExt as _;

use super::*;

fn spools() -> Spools {
    Spools::new(1000, std::env::temp_dir())
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

async fn collect(spool: &Spool, range: Option<Range<u64>>) -> Vec<u8> {
    spool.stream(range).try_collect::<Vec<_>>().await.unwrap().concat()
}

#[tokio::test]
async fn keeps_what_was_written_on_either_side_of_the_memory_limit() {
    for len in [0, 1, 1000, 1001, CHUNK, 3 * CHUNK + 17] {
        let bytes = pattern(len);
        let mut writer = spools().writer();
        for chunk in bytes.chunks(777) {
            writer.write(chunk).await.unwrap();
        }
        let spool = writer.finish().await.unwrap();
        assert_eq!(spool.in_memory().is_some(), len <= 1000, "{len}");
        assert_eq!((spool.len(), spool.digest()), (len as u64, Digest::of(&bytes)));
        assert_eq!(collect(&spool, None).await, bytes);
        let middle = (len / 3) as u64..(len / 2) as u64;
        assert_eq!(collect(&spool, Some(middle)).await, bytes[len / 3..len / 2]);
    }
}

#[test]
fn blocking_readers_are_independent_and_seekable() {
    for len in [10, 5000] {
        let bytes = pattern(len);
        let mut writer = spools().writer();
        std::io::Write::write_all(&mut writer, &bytes).unwrap();
        writer.flush().unwrap();
        let spool = writer.finish_blocking().unwrap();
        let (mut first, mut second) = (spool.reader(), spool.reader());
        let mut all = Vec::new();
        first.read_to_end(&mut all).unwrap();
        assert_eq!(all, bytes);
        second.seek(SeekFrom::End(-3)).unwrap();
        all.clear();
        second.read_to_end(&mut all).unwrap();
        assert_eq!(all, bytes[len - 3..]);
    }
}

#[tokio::test]
async fn a_missing_directory_is_an_error_only_once_it_is_needed() {
    let spools = Spools::new(10, "/nonexistent");
    let mut writer = spools.writer();
    writer.write(b"0123456789").await.unwrap();
    // Written behind the caller's back, it is told at the latest at the end.
    let written = writer.write(b"x").await;
    assert!(written.is_err() || writer.finish().await.is_err());
}
