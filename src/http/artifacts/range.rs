//! Range requests (RFC 9110 section 14): single byte ranges. Anything else that the RFC lets a server ignore is
//! ignored, and the whole archive is sent.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Requested {
    /// Everything: no range, several, or one that is not understood.
    Whole,
    /// These bytes, which exist.
    Part(Range<u64>),
    /// Bytes that do not exist.
    Unsatisfiable,
}

/// What `headers` ask for of something of `size` bytes.
pub(super) fn requested(headers: &HeaderMap, size: u64) -> Requested {
    let mut values = headers.get_all(header::RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Requested::Whole };
    match value.to_str().ok().and_then(single_range) {
        None => Requested::Whole,
        Some(range) => range.within(size),
    }
}

/// A syntactically valid range; numbers beyond `u64` are beyond every archive, and count as the largest.
#[derive(Debug, Clone, Copy)]
enum ByteRange {
    FromTo(u64, Option<u64>),
    Last(u64),
}

impl ByteRange {
    fn within(self, size: u64) -> Requested {
        let range = match self {
            Self::FromTo(first, last) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
            // The last bytes of nothing exist, but no Content-Range can say so.
            Self::Last(length) if length > 0 && size == 0 => return Requested::Whole,
            Self::Last(length) => size.saturating_sub(length)..size,
        };
        if range.is_empty() { Requested::Unsatisfiable } else { Requested::Part(range) }
    }
}

/// The only range of a `bytes` range set.
fn single_range(value: &str) -> Option<ByteRange> {
    let (unit, set) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    // Empty list elements are allowed and mean nothing (RFC 9110 section 5.6.1).
    let mut ranges = set.split(',').map(|range| range.trim_matches([' ', '\t'])).filter(|range| !range.is_empty());
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return None };
    let (first, last) = range.split_once('-')?;
    match (first, last) {
        ("", length) => number(length).map(ByteRange::Last),
        (first, "") => Some(ByteRange::FromTo(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::FromTo(first, Some(last)))
        }
    }
}

fn number(digits: &str) -> Option<u64> {
    let valid = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    // All that can fail now is the size of the number.
    valid.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(value: &str, size: u64) -> Requested {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, value.parse().unwrap());
        requested(&headers, size)
    }

    #[test]
    fn single_ranges_are_cut_to_what_exists() {
        for (value, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-99", 0..100),
            ("bytes=0-100", 0..100),
            ("bytes=10-19", 10..20),
            ("bytes=99-", 99..100),
            ("bytes=0-", 0..100),
            ("bytes=-1", 99..100),
            ("bytes=-100", 0..100),
            ("bytes=-101", 0..100),
            ("BYTES=5-6", 5..7),
            ("bytes= 5-6 ", 5..7),
            ("bytes=,5-6,", 5..7),
            ("bytes=5-18446744073709551615", 5..100),
            ("bytes=5-99999999999999999999999", 5..100),
            ("bytes=-99999999999999999999999", 0..100),
            ("bytes=00005-6", 5..7),
        ] {
            assert_eq!(ask(value, 100), Requested::Part(part), "{value}");
        }
    }

    #[test]
    fn ranges_outside_of_the_archive_are_unsatisfiable() {
        for (value, size) in [
            ("bytes=100-", 100),
            ("bytes=100-200", 100),
            ("bytes=-0", 100),
            ("bytes=0-", 0),
            ("bytes=0-0", 0),
            ("bytes=-0", 0),
            ("bytes=99999999999999999999999-", 100),
            ("bytes=18446744073709551615-18446744073709551615", u64::MAX),
        ] {
            assert_eq!(ask(value, size), Requested::Unsatisfiable, "{value} of {size}");
        }
    }

    #[test]
    fn everything_else_gets_the_whole() {
        for value in [
            "bytes=0-1,5-6",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=6-5",
            "bytes=a-b",
            "bytes=1",
            "bytes=+1-2",
            "bytes=1-+2",
            "bytes=--1",
            "bytes=1 - 2",
            "bytes 1-2",
            "items=0-5",
            "",
        ] {
            assert_eq!(ask(value, 100), Requested::Whole, "{value}");
        }
        assert_eq!(ask("bytes=-5", 0), Requested::Whole);
        assert_eq!(requested(&HeaderMap::new(), 100), Requested::Whole);
    }

    #[test]
    fn a_repeated_header_gets_the_whole() {
        let mut headers = HeaderMap::new();
        headers.append(header::RANGE, "bytes=0-1".parse().unwrap());
        headers.append(header::RANGE, "bytes=2-3".parse().unwrap());
        assert_eq!(requested(&headers, 100), Requested::Whole);
    }
}
