//! Whether a conditional request may be answered with 304 (RFC 9110, section 13).

use http::HeaderMap;
use http::header::{ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};

use super::Recorded;

/// `If-None-Match` decides when it is there, else `If-Modified-Since`; both only for GET and HEAD.
pub(super) fn is_unchanged(reply: &HeaderMap, request: &Recorded) -> bool {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return false;
    }
    if let Some(wanted) = request.header(IF_NONE_MATCH.as_str()) {
        return text(reply, &ETAG).is_some_and(|etag| lists(wanted, etag));
    }
    let since = request.header(IF_MODIFIED_SINCE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
    let modified = text(reply, &LAST_MODIFIED).and_then(|date| httpdate::parse_http_date(date).ok());
    modified.zip(since).is_some_and(|(modified, since)| modified <= since)
}

/// The weak comparison, which If-None-Match asks for.
fn lists(wanted: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    wanted.trim() == "*" || wanted.split(',').any(|one| opaque(one) == opaque(etag))
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
