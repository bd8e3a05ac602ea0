//! Texts that fit: widths as terminals count them, and short forms of sizes, ages and revisions.

use k8s_openapi::jiff::Timestamp;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::activity::State;

/// `text` in exactly `width` columns: cut with an ellipsis, or filled with spaces. Line breaks and other control
/// characters, which could move the cursor, become spaces.
pub fn fit(text: &str, width: usize) -> String {
    let text = plain(text);
    let whole = text.width();
    if whole <= width {
        return text + &" ".repeat(width - whole);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let next = used + c.width().unwrap_or(0);
        if next + 1 > width {
            break;
        }
        out.push(c);
        used = next;
    }
    if used < width {
        out.push('…');
        used += 1;
    }
    out + &" ".repeat(width - used)
}

/// `text` in up to `lines` lines of at most `width` columns, broken between words where that is possible; `indent` stands
/// before each but the first. What does not fit is cut from the last one.
pub fn wrap(text: &str, width: usize, lines: usize, indent: &str) -> Vec<String> {
    let mut rest = plain(text).trim_end().to_owned();
    let mut wrapped = Vec::new();
    while wrapped.len() + 1 < lines && rest.width() > width {
        let end = break_point(&rest, width);
        if rest[..end].trim().is_empty() {
            break;
        }
        let following = format!("{indent}{}", rest[end..].trim_start());
        wrapped.push(rest[..end].trim_end().to_owned());
        rest = following;
    }
    wrapped.push(fit(&rest, width).trim_end().to_owned());
    wrapped
}

/// Where a line of at most `width` columns ends: before the last space in its second half, else in the middle of a word.
fn break_point(text: &str, width: usize) -> usize {
    let (mut used, mut end, mut space) = (0, 0, None);
    for (i, c) in text.char_indices() {
        if c == ' ' && used >= width / 2 {
            space = Some(i);
        }
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        end = i + c.len_utf8();
    }
    space.unwrap_or(end)
}

/// `text` without control characters.
pub fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A number of bytes in decimal units.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // What would be printed as 1000.0 is 1.0 of the next unit.
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A number of seconds in its largest unit.
pub fn seconds(count: i64) -> String {
    match count {
        ..60 => format!("{count}s"),
        60..3600 => format!("{}m", count / 60),
        3600..86_400 => format!("{}h", count / 3600),
        _ => format!("{}d", count / 86_400),
    }
}

/// How long ago `then` was.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    format!("{} ago", seconds((now.as_second() - then.as_second()).max(0)))
}

/// How far away `then` is.
pub fn until(then: Timestamp, now: Timestamp) -> String {
    match then.as_second() - now.as_second() {
        ..=0 => "now".into(),
        count => format!("in {}", seconds(count)),
    }
}

/// The first digits of a revision's digest.
pub fn short_revision(revision: &str) -> String {
    let digest = revision.rsplit(':').next().unwrap_or_default();
    digest.chars().take(12).collect()
}

/// The state's name.
pub fn state(state: State) -> &'static str {
    match state {
        State::Queued => "Queued",
        State::Hooks => "Hooks",
        State::Fetching => "Fetching",
        State::Packaging => "Packaging",
        State::Storing => "Storing",
        State::Publishing => "Publishing",
        State::Ready => "Ready",
        State::Failing => "Failing",
        State::Stalled => "Stalled",
        State::Suspended => "Suspended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_fitted_to_the_column() {
        for (text, columns, expected) in [
            ("abc", 5, "abc  "),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("abc", 0, ""),
            ("abc", 1, "…"),
            ("a\nb\x1b[2J", 8, "a b [2J "),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日… "),
        ] {
            assert_eq!(fit(text, columns), expected, "{text:?} in {columns}");
            assert_eq!(width(&fit(text, columns)), columns, "{text:?} in {columns}");
        }
    }

    #[test]
    fn long_texts_are_broken_between_words_and_cut_at_the_end() {
        for (text, columns, lines, expected) in [
            ("one two", 7, 3, &["one two"][..]),
            ("one two three", 8, 3, &["one two", "  three"]),
            ("one two three four five", 8, 2, &["one two", "  three…"]),
            ("abcdefghijkl", 5, 3, &["abcde", "  fgh", "  ij…"]),
            ("a/very/long/path tail", 10, 3, &["a/very/lon", "  g/path", "  tail"]),
            ("日本語日本語", 5, 3, &["日本", "  語", "  日…"]),
            ("abc", 1, 3, &["a", "…"]),
            ("abc", 0, 3, &[""]),
            ("a\nb", 9, 3, &["a b"]),
        ] {
            assert_eq!(wrap(text, columns, lines, "  "), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn sizes_have_one_decimal_and_a_unit() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (268_435_456, "268.4 MB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
    }

    #[test]
    fn times_are_relative() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(ago(at(10), at(15)), "5s ago");
        assert_eq!(ago(at(10), at(5)), "0s ago");
        assert_eq!(ago(at(0), at(7300)), "2h ago");
        assert_eq!(until(at(10), at(10)), "now");
        assert_eq!(until(at(100), at(10)), "in 1m");
        assert_eq!(until(at(200_000), at(0)), "in 2d");
    }

    #[test]
    fn revisions_are_cut_to_their_first_digits() {
        assert_eq!(short_revision("latest@sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(short_revision(""), "");
    }
}
