//! Conditional requests (RFC 9110 section 13): decides whether to send, say "not modified", or refuse.

use std::time::{Duration, SystemTime};

use axum::http::header::{
    AsHeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use axum::http::{HeaderMap, HeaderName};

/// Request headers that can change the answer to a GET.
pub(super) const CONDITIONS: [HeaderName; 6] =
    [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE];

/// What identifies the state of what is served.
#[derive(Debug, Clone)]
pub(super) struct Validators {
    /// A strong entity tag, with its quotes.
    pub etag: String,
    /// When it was last modified, in whole seconds; `None` where a time cannot tell one state from another.
    pub modified: Option<SystemTime>,
}

/// What the conditions of a request come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer as if there were no conditions.
    Send,
    /// 304: the client has it.
    NotModified,
    /// 412: the client does not want it as it is.
    PreconditionFailed,
}

/// Evaluates the conditions of a GET or HEAD in the order of RFC 9110 section 13.2.2.
pub(super) fn evaluate(headers: &HeaderMap, current: &Validators) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if !matches(headers, IF_MATCH, |tag| tag.matches_strongly(&current.etag)) {
            return Verdict::PreconditionFailed;
        }
    } else if date(headers, IF_UNMODIFIED_SINCE).zip(current.modified).is_some_and(|(given, is)| is > given) {
        return Verdict::PreconditionFailed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if matches(headers, IF_NONE_MATCH, |tag| tag.matches_weakly(&current.etag)) {
            return Verdict::NotModified;
        }
    } else if date(headers, IF_MODIFIED_SINCE).zip(current.modified).is_some_and(|(given, is)| is <= given) {
        return Verdict::NotModified;
    }
    Verdict::Send
}

/// Whether a Range header counts: there is no If-Range, or it names exactly the current state.
pub(super) fn range_counts(headers: &HeaderMap, current: &Validators) -> bool {
    let Some(value) = headers.get(IF_RANGE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    match EntityTag::parse(value.trim()) {
        Some((tag, rest)) => rest.is_empty() && tag.matches_strongly(&current.etag),
        None => httpdate::parse_http_date(value).ok().is_some_and(|given| current.modified == Some(given)),
    }
}

/// `time` as HTTP can say it: whole seconds from 1970 to 9999.
pub(super) fn representable(time: SystemTime) -> Option<SystemTime> {
    const YEAR_10000: u64 = 253_402_300_800;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (seconds < YEAR_10000).then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A single, valid date; anything else is to be ignored.
fn date(headers: &HeaderMap, name: impl AsHeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Whether a list of entity tags is `*` or has one that `matches`. A list is read up to its first mistake.
fn matches(headers: &HeaderMap, name: HeaderName, matches: impl Fn(EntityTag<'_>) -> bool) -> bool {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        let mut rest = list.trim_matches(BLANK);
        if rest == "*" {
            return true;
        }
        while let Some((tag, after)) = EntityTag::parse(rest.trim_start_matches(SEPARATORS)) {
            if matches(tag) {
                return true;
            }
            rest = after;
        }
        false
    })
}

const BLANK: [char; 2] = [' ', '\t'];
const SEPARATORS: [char; 3] = [' ', '\t', ','];

/// An entity tag of a request (RFC 9110 section 8.8.3); `opaque` has its quotes.
#[derive(Debug, Clone, Copy)]
struct EntityTag<'a> {
    weak: bool,
    opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    /// The entity tag that `text` begins with, and what follows it.
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let (weak, quoted) = match text.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, text),
        };
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (opaque, rest) = quoted.split_at(end);
        Some((Self { weak, opaque }, rest))
    }

    fn matches_strongly(self, etag: &str) -> bool {
        !self.weak && self.opaque == etag
    }

    fn matches_weakly(self, etag: &str) -> bool {
        self.opaque == etag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn current() -> Validators {
        Validators { etag: "\"abc\"".into(), modified: httpdate::parse_http_date(DATE).ok() }
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn conditions_are_evaluated_as_the_rfc_says() {
        use Verdict::{NotModified, PreconditionFailed, Send};
        let cases: &[(&[(HeaderName, &str)], Verdict)] = &[
            (&[], Send),
            (&[(IF_NONE_MATCH, "\"abc\"")], NotModified),
            (&[(IF_NONE_MATCH, "W/\"abc\"")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, " * ")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\"")], Send),
            (&[(IF_NONE_MATCH, "\"x\", \"abc\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\",W/\"y\" ,,\t\"abc\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"a,b\", \"abc\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"abc\"")], NotModified),
            (&[(IF_NONE_MATCH, "abc")], Send),
            (&[(IF_NONE_MATCH, "\"abc")], Send),
            (&[(IF_NONE_MATCH, "w/\"abc\"")], Send),
            (&[(IF_NONE_MATCH, "\"ABC\"")], Send),
            (&[(IF_NONE_MATCH, "")], Send),
            (&[(IF_MODIFIED_SINCE, DATE)], NotModified),
            (&[(IF_MODIFIED_SINCE, AFTER)], NotModified),
            (&[(IF_MODIFIED_SINCE, BEFORE)], Send),
            (&[(IF_MODIFIED_SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")], NotModified),
            (&[(IF_MODIFIED_SINCE, "Sun Nov  6 08:49:37 1994")], NotModified),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Send),
            (&[(IF_MODIFIED_SINCE, DATE), (IF_MODIFIED_SINCE, DATE)], Send),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, AFTER)], Send),
            (&[(IF_NONE_MATCH, "\"abc\""), (IF_MODIFIED_SINCE, BEFORE)], NotModified),
            (&[(IF_MATCH, "\"abc\"")], Send),
            (&[(IF_MATCH, "*")], Send),
            (&[(IF_MATCH, "\"x\", \"abc\"")], Send),
            (&[(IF_MATCH, "\"x\"")], PreconditionFailed),
            (&[(IF_MATCH, "W/\"abc\"")], PreconditionFailed),
            (&[(IF_MATCH, "garbage")], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, DATE)], Send),
            (&[(IF_UNMODIFIED_SINCE, AFTER)], Send),
            (&[(IF_UNMODIFIED_SINCE, BEFORE)], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, "never")], Send),
            (&[(IF_MATCH, "\"abc\""), (IF_UNMODIFIED_SINCE, BEFORE)], Send),
            (&[(IF_MATCH, "\"abc\""), (IF_NONE_MATCH, "\"abc\"")], NotModified),
            (&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, "\"abc\"")], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, DATE), (IF_MODIFIED_SINCE, DATE)], NotModified),
        ];
        for (given, verdict) in cases {
            assert_eq!(evaluate(&headers(given), &current()), *verdict, "{given:?}");
        }
    }

    #[test]
    fn dates_say_nothing_about_what_has_no_date() {
        let current = Validators { modified: None, ..current() };
        for name in [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
            for date in [BEFORE, DATE, AFTER] {
                assert_eq!(evaluate(&headers(&[(name.clone(), date)]), &current), Verdict::Send);
            }
        }
        assert!(!range_counts(&headers(&[(IF_RANGE, DATE)]), &current));
    }

    #[test]
    fn a_range_counts_only_for_exactly_what_the_client_has() {
        for (value, counts) in [
            ("\"abc\"", true),
            ("W/\"abc\"", false),
            ("\"x\"", false),
            ("\"abc\", \"x\"", false),
            ("*", false),
            ("abc", false),
            (DATE, true),
            (BEFORE, false),
            (AFTER, false),
        ] {
            assert_eq!(range_counts(&headers(&[(IF_RANGE, value)]), &current()), counts, "{value}");
        }
        assert!(range_counts(&HeaderMap::new(), &current()));
    }

    #[test]
    fn only_times_that_http_can_say_are_used() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(representable(epoch + Duration::from_millis(1999)), Some(epoch + Duration::from_secs(1)));
        assert_eq!(representable(epoch - Duration::from_secs(1)), None);
        assert_eq!(
            representable(epoch + Duration::from_secs(253_402_300_799)).map(httpdate::fmt_http_date).as_deref(),
            Some("Fri, 31 Dec 9999 23:59:59 GMT")
        );
        assert_eq!(representable(epoch + Duration::from_secs(253_402_300_800)), None);
    }
}
