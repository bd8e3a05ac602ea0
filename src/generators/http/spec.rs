//! Reads the spec: everything that only an edit of it, or a setting of the controller, can mend is found here.

use std::time::Duration;

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use url::Url;

use super::HttpSettings;
use super::errors::HttpError;
use crate::address::AddressPolicy;
use crate::api::duration;
use crate::api::external_source::{GeneratorSpec, HttpGeneratorSpec};

/// Names are those of Kubernetes objects (RFC 1123 subdomains), which cannot hold a slash: a name becomes part of a
/// path of the API server.
const MAX_SECRET_NAME: usize = 253;

/// Where a request goes, checked.
pub(super) struct Target {
    /// Without userinfo and fragment.
    pub(super) url: Url,
    pub(super) credentials: Option<Credentials>,
    pub(super) method: Method,
    /// Limit of the whole request.
    pub(super) timeout: Option<Duration>,
}

/// The URL's userinfo. No `Debug`, because it holds a password.
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// The sub-object that says how.
pub(super) fn sub_object(spec: &GeneratorSpec) -> Result<&HttpGeneratorSpec, HttpError> {
    spec.http.as_ref().ok_or_else(|| field("spec.generator.http", "is required when spec.generator.type is http"))
}

/// Checks the whole sub-object.
pub(super) fn check(
    spec: &HttpGeneratorSpec,
    settings: &HttpSettings,
    policy: &AddressPolicy,
) -> Result<Target, HttpError> {
    let (url, credentials) = check_url(&spec.url, settings.forbid_plain_http)?;
    policy.check_literal(&url).map_err(|_| invalid_url("leads to an address that the controller's policy forbids"))?;
    let target = Target { url, credentials, method: check_method(spec)?, timeout: check_timeout(spec)? };
    let insecure = spec.ca_bundle_secret_ref.is_none() && spec.insecure_skip_verify.unwrap_or_default();
    if insecure && settings.forbid_insecure_skip_verify {
        return Err(field("spec.generator.http.insecureSkipVerify", "is forbidden by the controller's settings"));
    }
    if let Some(reference) = &spec.headers_secret_ref {
        check_secret_name("spec.generator.http.headersSecretRef.name", &reference.name)?;
    }
    if let Some(reference) = &spec.ca_bundle_secret_ref {
        check_secret_name("spec.generator.http.caBundleSecretRef.name", &reference.name)?;
    }
    Ok(target)
}

/// The method as it is sent: GET when absent, and the usual ones in capitals as browsers send them
/// (<https://fetch.spec.whatwg.org/#concept-method-normalize>).
pub(super) fn method_name(spec: &HttpGeneratorSpec) -> String {
    const USUAL: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let method = spec.method.as_deref().filter(|method| !method.is_empty()).unwrap_or("GET");
    USUAL.iter().find(|usual| usual.eq_ignore_ascii_case(method)).map_or(method, |usual| usual).to_owned()
}

/// The URL as it is understood, without the fragment, which never leaves the client; as written if it is no URL.
pub(super) fn url_text(spec: &HttpGeneratorSpec) -> String {
    Url::parse(&spec.url).map_or_else(
        |_| spec.url.clone(),
        |mut url| {
            url.set_fragment(None);
            url.into()
        },
    )
}

fn check_url(text: &str, forbid_plain_http: bool) -> Result<(Url, Option<Credentials>), HttpError> {
    if text.trim().is_empty() {
        return Err(invalid_url("is required"));
    }
    let mut url = Url::parse(text).map_err(|_| invalid_url("is not a valid URL"))?;
    match url.scheme() {
        "http" if forbid_plain_http => {
            return Err(invalid_url("must be https: plain http is forbidden by the controller's settings"));
        }
        "https" | "http" => {}
        _ => return Err(invalid_url("must begin with http:// or https://")),
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid_url("has no host"));
    }
    let credentials = take_credentials(&mut url);
    url.set_fragment(None);
    // What is sent is a Uri, whose rules (and length, 64 KiB) are a little stricter than a Url's.
    Uri::try_from(url.as_str()).map_err(|_| invalid_url("cannot be sent in a request"))?;
    Ok((url, credentials))
}

/// Moves the userinfo out of the URL.
fn take_credentials(url: &mut Url) -> Option<Credentials> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decode(url.username()), url.password().map(decode));
    // Both fail only for URLs without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (!user.is_empty() || password.is_some()).then_some(Credentials { user, password })
}

fn check_method(spec: &HttpGeneratorSpec) -> Result<Method, HttpError> {
    const FIELD: &str = "spec.generator.http.method";
    let method = Method::from_bytes(method_name(spec).as_bytes()).map_err(|_| field(FIELD, "is no HTTP method"))?;
    match method {
        Method::HEAD => Err(field(FIELD, "must not be HEAD, whose answers have no body")),
        Method::CONNECT | Method::TRACE => Err(field(FIELD, "must be neither CONNECT nor TRACE")),
        method => Ok(method),
    }
}

/// Zero is no limit, as in Go.
fn check_timeout(spec: &HttpGeneratorSpec) -> Result<Option<Duration>, HttpError> {
    let Some(text) = spec.timeout.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let timeout = duration::parse(text).map_err(|error| field("spec.generator.http.timeout", error.to_string()))?;
    Ok((!timeout.is_zero()).then_some(timeout))
}

fn check_secret_name(path: &'static str, name: &str) -> Result<(), HttpError> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = name.len() <= MAX_SECRET_NAME
        && name.bytes().all(|byte| inner(byte) || matches!(byte, b'-' | b'.'))
        && name.bytes().next().is_some_and(inner)
        && name.bytes().next_back().is_some_and(inner);
    if valid { Ok(()) } else { Err(field(path, "must be the name of a Secret")) }
}

fn field(field: &'static str, problem: impl Into<String>) -> HttpError {
    HttpError::InvalidField { field, problem: problem.into() }
}

fn invalid_url(problem: &'static str) -> HttpError {
    HttpError::InvalidUrl { problem }
}
