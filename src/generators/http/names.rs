//! What people and archives call an origin.

use percent_encoding::percent_decode_str;
use url::Url;

/// Longest name of a file on the usual file systems, in bytes.
const MAX_FILE_NAME: usize = 255;

/// The URL without userinfo, query and fragment, any of which may hold a secret.
pub(super) fn origin(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return "(invalid URL)".to_owned() };
    // Fails only for URLs without a host, which have no userinfo either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The last segment of the URL's path if it is a safe file name with an extension, else "data".
pub(super) fn file_name(url: &str) -> String {
    let url = Url::parse(url).ok();
    let segment = url.as_ref().and_then(|url| url.path_segments()?.next_back());
    let name = segment.and_then(|segment| percent_decode_str(segment).decode_utf8().ok());
    name.filter(|name| is_safe(name) && has_extension(name)).map_or_else(|| "data".to_owned(), String::from)
}

/// Decoding can bring to light what the URL's parser did not see, such as `%2F`.
fn is_safe(name: &str) -> bool {
    name.len() <= MAX_FILE_NAME
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| !stem.trim_matches('.').is_empty() && !extension.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_shows_nothing_that_may_be_secret() {
        assert_eq!(origin("https://user:pass@example.com:8443/a/b?token=x#frag"), "https://example.com:8443/a/b");
        assert_eq!(origin("https://example.com"), "https://example.com/");
        for broken in ["", "not a url", "https://user:pass@"] {
            assert_eq!(origin(broken), "(invalid URL)");
        }
    }

    #[test]
    fn a_file_is_named_after_the_url_only_where_that_is_safe() {
        for (url, expected) in [
            ("https://a.test/config.yaml", "config.yaml"),
            ("https://a.test/v1/config.tar.gz?x=/other.txt", "config.tar.gz"),
            ("https://a.test/my%20file.json", "my file.json"),
            ("https://a.test/r%C3%A9sum%C3%A9.yaml", "résumé.yaml"),
            ("https://a.test/config", "data"),
            ("https://a.test/", "data"),
            ("https://a.test", "data"),
            ("https://a.test/dir.d/", "data"),
            ("https://a.test/.json", "data"),
            ("https://a.test/...json", "data"),
            ("https://a.test/name.", "data"),
            ("https://a.test/..%2Fetc%2Fpasswd.yaml", "data"),
            ("https://a.test/a%5Cb.yaml", "data"),
            ("https://a.test/a%00b.yaml", "data"),
            ("https://a.test/a%0Ab.yaml", "data"),
            ("https://a.test/%FF.yaml", "data"),
            ("https://a.test/a.yaml%20", "data"),
            ("not a url", "data"),
        ] {
            assert_eq!(file_name(url), expected, "{url}");
        }
        assert_eq!(file_name(&format!("https://a.test/{}.yaml", "x".repeat(300))), "data");
    }
}
