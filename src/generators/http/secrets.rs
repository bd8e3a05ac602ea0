//! What a request takes from Secrets: headers, and the authorities to trust. Errors name Secret and key, never a value.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::errors::HttpError;
use crate::api::external_source::{HttpGeneratorSpec, SecretKeyReference};
use crate::generators::{Secret, Secrets};

/// Servers commonly accept 100 headers; a Secret could hold tens of thousands, beyond what a header map can.
pub(super) const MAX_HEADERS: usize = 100;

/// Headers that say how the message is framed, where it goes or what we ask for. From a Secret they would break the
/// request or the reading of its answer.
const RESERVED: [HeaderName; 17] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::ACCEPT_ENCODING,
    header::RANGE,
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    HeaderName::from_static("keep-alive"),
];

/// Which server certificates a request accepts.
pub(super) enum Trust<'a> {
    /// Those that the system's authorities signed.
    System,
    /// Any.
    Insecure,
    /// Those that these authorities signed, and no others.
    Bundle {
        /// PEM certificates.
        pem: &'a [u8],
        /// Where they come from, for messages.
        secret: &'a str,
        /// The key within the Secret.
        key: &'a str,
    },
}

/// Names of the Secrets that a request needs.
pub(super) fn names(spec: &HttpGeneratorSpec) -> Vec<String> {
    let headers = spec.headers_secret_ref.as_ref().map(|reference| &reference.name);
    let bundle = spec.ca_bundle_secret_ref.as_ref().map(|reference| &reference.name);
    let mut names: Vec<_> = headers.into_iter().chain(bundle).cloned().collect();
    names.dedup();
    names
}

/// The key that holds the CA bundle; "ca.crt" when the user names none.
pub(super) fn ca_key(reference: &SecretKeyReference) -> &str {
    reference.key.as_deref().filter(|key| !key.is_empty()).unwrap_or("ca.crt")
}

/// The headers of `headersSecretRef`: each key a name, each value its value without a trailing line break, which files
/// and `echo` leave behind. Marked sensitive, so that `Debug` and HTTP/2's header compression keep them out.
pub(super) fn headers(spec: &HttpGeneratorSpec, secrets: &Secrets) -> Result<HeaderMap, HttpError> {
    let Some(reference) = &spec.headers_secret_ref else { return Ok(HeaderMap::new()) };
    let secret = find(secrets, &reference.name)?;
    if secret.data.len() > MAX_HEADERS {
        return Err(HttpError::SecretUnusable {
            secret: reference.name.clone(),
            problem: "has more than 100 keys, too many to be the headers of a request",
        });
    }
    let mut headers = HeaderMap::with_capacity(secret.data.len());
    for (key, value) in &secret.data {
        let (name, value) = header(key, value).map_err(|problem| unusable(&reference.name, key, problem))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Whom to trust. A CA bundle makes `insecureSkipVerify` meaningless: whoever gives one wants it checked.
pub(super) fn trust<'a>(spec: &'a HttpGeneratorSpec, secrets: &'a Secrets) -> Result<Trust<'a>, HttpError> {
    match &spec.ca_bundle_secret_ref {
        Some(reference) => {
            let key = ca_key(reference);
            let secret = &reference.name;
            let pem = find(secrets, secret)?.data.get(key).ok_or_else(|| unusable(secret, key, "is missing"))?;
            Ok(Trust::Bundle { pem, secret, key })
        }
        None if spec.insecure_skip_verify.unwrap_or_default() => Ok(Trust::Insecure),
        None => Ok(Trust::System),
    }
}

/// One key of a Secret that cannot be used.
pub(super) fn unusable(secret: &str, key: &str, problem: &'static str) -> HttpError {
    HttpError::SecretKey { secret: secret.to_owned(), key: key.to_owned(), problem }
}

fn find<'a>(secrets: &'a Secrets, name: &str) -> Result<&'a Secret, HttpError> {
    secrets.get(name).map(AsRef::as_ref).ok_or_else(|| HttpError::SecretMissing { secret: name.to_owned() })
}

/// One header, from whoever keeps its value secret.
pub(super) fn header(key: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_bytes(key.as_bytes()).map_err(|_| "is not a valid header name")?;
    if RESERVED.contains(&name) || name.as_str() == "proxy-connection" {
        return Err("names a header that the controller sets itself");
    }
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    let mut value = HeaderValue::from_bytes(value).map_err(|_| "has a value that cannot be a header value")?;
    value.set_sensitive(true);
    Ok((name, value))
}
