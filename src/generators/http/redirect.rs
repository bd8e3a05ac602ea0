//! Redirects, decided here because each hop has to pass the address policy, and because everything that came from a
//! Secret must stay with the origin it was meant for.

use http::{HeaderValue, Method, StatusCode, Uri};
use url::Url;

use super::errors::HttpError;

/// One request of a chain of redirects, apart from what is sent with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) url: Url,
    pub(super) method: Method,
    /// The chain has left its first origin; what came from a Secret is not sent again, not even on the way back.
    pub(super) left_origin: bool,
}

impl Hop {
    /// The first request of a chain.
    pub(super) fn first(url: Url, method: Method) -> Self {
        Self { url, method, left_origin: false }
    }

    /// The request that an answer sends us on to; `None` if it is no redirect.
    pub(super) fn next(&self, status: StatusCode, location: Option<&HeaderValue>) -> Result<Option<Self>, HttpError> {
        let Some(method) = self.next_method(status) else { return Ok(None) };
        let location = location.ok_or_else(|| refused("without saying where to"))?;
        let location = std::str::from_utf8(location.as_bytes()).ok();
        let url = location.and_then(|location| self.url.join(location).ok());
        let mut url = url.ok_or_else(|| refused("to an invalid URL"))?;
        match (self.url.scheme(), url.scheme()) {
            (_, "https") | ("http", "http") => {}
            ("https", "http") => return Err(refused("from https to plain http")),
            _ => return Err(refused("to something other than http or https")),
        }
        // Userinfo is sent from the spec only, and fragments never.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Uri::try_from(url.as_str()).map_err(|_| refused("to an invalid URL"))?;
        let left_origin = self.left_origin || url.origin() != self.url.origin();
        Ok(Some(Self { url, method, left_origin }))
    }

    /// The method of the next request (<https://fetch.spec.whatwg.org/#http-redirect-fetch>, step 12).
    fn next_method(&self, status: StatusCode) -> Option<Method> {
        match status {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if self.method == Method::POST => Some(Method::GET),
            StatusCode::SEE_OTHER => Some(Method::GET),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => Some(self.method.clone()),
            _ => None,
        }
    }
}

fn refused(problem: &'static str) -> HttpError {
    HttpError::Redirect { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(from: &str, method: Method, status: u16, location: &str) -> Result<Option<Hop>, HttpError> {
        let hop = Hop::first(from.parse().unwrap(), method);
        hop.next(StatusCode::from_u16(status).unwrap(), Some(&HeaderValue::from_str(location).unwrap()))
    }

    #[test]
    fn methods_change_as_in_browsers() {
        for (method, status, expected) in [
            (Method::GET, 301, Method::GET),
            (Method::POST, 301, Method::GET),
            (Method::POST, 302, Method::GET),
            (Method::PUT, 302, Method::PUT),
            (Method::PUT, 303, Method::GET),
            (Method::POST, 307, Method::POST),
            (Method::POST, 308, Method::POST),
        ] {
            let hop = next("https://a.test/", method.clone(), status, "/x").unwrap().unwrap();
            assert_eq!(hop.method, expected, "{method} {status}");
        }
        for status in [200, 204, 300, 304, 305, 306, 400] {
            assert_eq!(next("https://a.test/", Method::GET, status, "/x"), Ok(None), "{status}");
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin() {
        for (from, location, left) in [
            ("https://a.test/x/y", "z", false),
            ("https://a.test/", "https://A.test:443/z", false),
            ("https://a.test/", "//a.test/z", false),
            ("https://a.test/", "https://b.test/", true),
            ("https://a.test/", "https://sub.a.test/", true),
            ("https://a.test/", "https://a.test:8443/", true),
            ("http://a.test/", "https://a.test/", true),
        ] {
            let hop = next(from, Method::GET, 302, location).unwrap().unwrap();
            assert_eq!(hop.left_origin, left, "{from} -> {location}");
        }
    }

    #[test]
    fn nothing_restores_what_was_dropped() {
        let follow = |hop: Hop, location: &str| {
            hop.next(StatusCode::FOUND, Some(&HeaderValue::from_str(location).unwrap())).unwrap().unwrap()
        };
        let away = next("https://a.test/", Method::GET, 302, "https://b.test/").unwrap().unwrap();
        let staying = follow(away, "/elsewhere");
        assert!(staying.left_origin);
        let back = follow(staying, "https://a.test/");
        assert!(back.left_origin);
        assert!(follow(back, "/elsewhere").left_origin);
    }

    #[test]
    fn redirects_to_nowhere_are_refused() {
        for location in ["http://a.test/", "ftp://a.test/", "file:///etc/passwd", "data:,x", "https://", "https://[::"]
        {
            assert!(matches!(next("https://a.test/", Method::GET, 302, location), Err(HttpError::Redirect { .. })));
        }
        let hop = Hop::first("https://a.test/".parse().unwrap(), Method::GET);
        assert!(matches!(hop.next(StatusCode::FOUND, None), Err(HttpError::Redirect { .. })));
        let binary = HeaderValue::from_bytes(b"/\xff").unwrap();
        assert!(matches!(hop.next(StatusCode::FOUND, Some(&binary)), Err(HttpError::Redirect { .. })));
    }

    #[test]
    fn userinfo_and_fragment_of_a_location_are_not_used() {
        let hop = next("https://a.test/", Method::GET, 302, "https://u:p@a.test/x?y#z").unwrap().unwrap();
        assert_eq!(hop.url.as_str(), "https://a.test/x?y");
    }
}
