//! The origin's own word on when to come back: `Retry-After` (RFC 9110 10.2.3), else the rate-limit headers that
//! GitHub and many others send.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

/// No answer may silence a source for longer, be it by a wrong clock or by intent. One hour is the longest window that
/// the rate limits of the large APIs have.
const MAX: Duration = Duration::from_secs(3600);

/// Numbers above this are seconds since 1970, those below are seconds from now.
const EPOCH_SECONDS: u64 = 1_000_000_000;

/// How long to wait, at most an hour; `None` when the answer does not say, or names a time that has passed.
pub(super) fn retry_after(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    // The origin's clock counts, not ours: its dates are relative to it.
    let now = date(text(headers, DATE.as_str())).unwrap_or(now);
    let wait = text(headers, RETRY_AFTER.as_str())
        .and_then(|value| seconds(value).or_else(|| since(date(Some(value))?, now)))
        .or_else(|| rate_limit(status, headers, now))?;
    (!wait.is_zero()).then_some(wait.min(MAX))
}

/// `RateLimit-Reset` (draft-ietf-httpapi-ratelimit-headers) and its `X-` ancestor, which counts only once nothing
/// remains: these headers come with every answer.
fn rate_limit(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    if !matches!(status, StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
        return None;
    }
    ["x-ratelimit", "ratelimit"].iter().find_map(|prefix| {
        let remaining = text(headers, &format!("{prefix}-remaining"))?;
        let reset = text(headers, &format!("{prefix}-reset"))?.parse().ok().filter(|_| remaining == "0")?;
        if reset < EPOCH_SECONDS {
            return Some(Duration::from_secs(reset));
        }
        since(UNIX_EPOCH.checked_add(Duration::from_secs(reset))?, now)
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A number of seconds; one too large for `u64` is still a number.
fn seconds(value: &str) -> Option<Duration> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
}

fn date(value: Option<&str>) -> Option<SystemTime> {
    httpdate::parse_http_date(value?).ok()
}

fn since(then: SystemTime, now: SystemTime) -> Option<Duration> {
    then.duration_since(now).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let now = UNIX_EPOCH + Duration::from_secs(1_784_000_000);
        retry_after(StatusCode::from_u16(status).unwrap(), &headers, now).map(|wait| wait.as_secs())
    }

    #[test]
    fn obeys_seconds_and_dates_up_to_an_hour() {
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        for (value, expected) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", None),
            ("86400", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Wed, 21 Oct 2026 07:30:00 GMT", Some(120)),
            ("Wed, 21 Oct 2026 07:00:00 GMT", None),
            ("Thu, 22 Oct 2099 07:00:00 GMT", Some(3600)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(503, &[date, ("retry-after", value)]), expected, "{value}");
        }
        assert_eq!(wait(503, &[]), None);
    }

    #[test]
    fn obeys_rate_limits_once_nothing_remains() {
        let reset_at = ("x-ratelimit-reset", "1784000060");
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "0"), reset_at]), Some(60));
        assert_eq!(wait(429, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "30")]), Some(30));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "1"), reset_at]), None);
        assert_eq!(wait(500, &[("x-ratelimit-remaining", "0"), reset_at]), None);
        assert_eq!(wait(429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "18446744073709551615")]), None);
        assert_eq!(wait(429, &[("retry-after", "5"), ("x-ratelimit-remaining", "0"), reset_at]), Some(5));
    }
}
