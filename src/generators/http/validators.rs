//! Conditional requests (RFC 9110 section 13): what is sent to ask whether something changed, and what the answer says.

use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::generators::Validators;

/// Longer validators are not kept: they live in the object's status, and no sensible origin needs more.
const MAX_LEN: usize = 1024;

/// The header that asks for an answer only if the content changed: `If-None-Match` where there is an ETag, else
/// `If-Modified-Since`. What cannot be a header value, or would match everything, is as good as absent.
pub(super) fn condition(validators: &Validators) -> Option<(HeaderName, HeaderValue)> {
    let value = |text: &Option<String>| text.as_deref().filter(|text| is_usable(text))?.parse().ok();
    let etag = value(&validators.etag).map(|etag| (IF_NONE_MATCH, etag));
    etag.or_else(|| value(&validators.last_modified).map(|date| (IF_MODIFIED_SINCE, date)))
}

/// The validators that came with an answer.
pub(super) fn of(headers: &HeaderMap) -> Validators {
    let text = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok().map(str::trim);
        value.filter(|text| is_usable(text)).map(ToOwned::to_owned)
    };
    Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) }
}

/// Whether a full answer is what we have already: some origins send an ETag and ignore `If-None-Match`. Only a
/// strong ETag promises the same bytes (RFC 9110 8.8.3.2).
pub(super) fn is_same(sent: &HeaderValue, headers: &HeaderMap) -> bool {
    let strong = |etag: &HeaderValue| etag.len() > 2 && etag.as_bytes().starts_with(b"\"");
    strong(sent) && headers.get(ETAG) == Some(sent)
}

/// `*` matches any content at all, so that an origin that sends it as its ETag would never be read again.
fn is_usable(text: &str) -> bool {
    !text.is_empty() && text != "*" && text.len() <= MAX_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validators(etag: &str, last_modified: &str) -> Validators {
        Validators { etag: Some(etag.to_owned()), last_modified: Some(last_modified.to_owned()) }
    }

    #[test]
    fn an_etag_is_preferred_and_junk_is_never_sent() {
        let date = "Wed, 21 Oct 2026 07:28:00 GMT";
        let sent = |validators: &Validators| {
            condition(validators).map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        };
        assert_eq!(sent(&validators("W/\"a\"", date)).as_deref(), Some("if-none-match: W/\"a\""));
        for junk in ["", "*", "a\r\nEvil: 1", "a\0", &"x".repeat(1025)] {
            assert_eq!(sent(&validators(junk, date)), Some(format!("if-modified-since: {date}")));
            assert_eq!(sent(&validators(junk, junk)), None);
        }
        assert_eq!(sent(&Validators::default()), None);
    }

    #[test]
    fn only_equal_strong_etags_are_the_same() {
        let same = |sent: &str, came: &str| {
            let headers = HeaderMap::from_iter([(ETAG, came.parse().unwrap())]);
            is_same(&sent.parse().unwrap(), &headers)
        };
        assert!(same("\"a\"", "\"a\""));
        assert!(!same("\"a\"", "\"b\""));
        assert!(!same("W/\"a\"", "W/\"a\""));
        assert!(!same("\"a\"", "W/\"a\""));
        assert!(!same("a", "a"));
        assert!(!same("\"\"", "\"\""));
    }
}
