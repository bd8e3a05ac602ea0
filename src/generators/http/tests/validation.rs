//! Specs that cannot work are found before anything is sent, and the message names the field.

use proptest::prelude::*;

use super::support::Ask;
use crate::api::conditions::reasons;
use crate::api::external_source::{GeneratorSpec, SecretKeyReference, SecretReference};
use crate::failure::{Class, Failure};
use crate::generators::Generator as _;

fn validate(change: impl FnOnce(&mut Ask)) -> Result<(), Failure> {
    let ask = Ask::get("https://example.com/").with(change);
    ask.generator().validate(&ask.generator_spec())
}

fn url(url: &str) -> Result<(), Failure> {
    validate(|ask| url.clone_into(&mut ask.spec.url))
}

fn assert_names(result: Result<(), Failure>, reason: &str, field: &str) {
    let failure = result.expect_err(field);
    assert_eq!((failure.class, failure.reason), (Class::Configuration, reason), "{failure}");
    assert!(failure.message.starts_with(&format!("spec.generator.http.{field} ")), "{failure}");
}

#[test]
fn urls_that_cannot_work_are_refused_by_name() {
    for text in [
        "",
        " ",
        "example.com",
        "/path",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "http://[::1",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "javascript:alert(1)",
        "http://127.1.1.300/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:8080/",
        "http://[::ffff:169.254.169.254]/",
    ] {
        assert_names(url(text), reasons::INVALID_URL, "url");
    }
    assert_names(url(&format!("https://example.com/{}", "x".repeat(70_000))), reasons::INVALID_URL, "url");
}

#[test]
fn urls_that_work_elsewhere_are_accepted() {
    for text in [
        "http://example.com",
        "https://example.com:8443/a?b={c}|d^e\"f#g",
        "HTTPS://Example.COM/",
        "http://user:pass@svc.ns.svc.cluster.local:8080/x",
        "http://10.0.0.1/",
        "https://exämple.com/ä",
        "https://[2606:4700::1111]/",
        "http://127.0.0.1/",
    ] {
        assert_eq!(url(text), Ok(()), "{text}");
    }
}

#[test]
fn other_fields_that_cannot_work_are_refused_by_name() {
    for method in ["HEAD", "head", "CONNECT", "TRACE", "GE T", "GET\r\nX: y", "é", "{"] {
        let result = validate(|ask| ask.spec.method = Some(method.to_owned()));
        assert_names(result, reasons::INVALID_SPEC, "method");
    }
    for timeout in ["5", "-1s", "1d", "99999999999999h"] {
        let result = validate(|ask| ask.spec.timeout = Some(timeout.to_owned()));
        assert_names(result, reasons::INVALID_SPEC, "timeout");
    }
    for name in ["", "a/b", "../x", "A", "-a", "a.", "a b", &"x".repeat(254)] {
        let name = name.to_owned();
        let headers = SecretReference { name: name.clone() };
        let result = validate(|ask| ask.spec.headers_secret_ref = Some(headers));
        assert_names(result, reasons::INVALID_SPEC, "headersSecretRef.name");
        let bundle = SecretKeyReference { name, key: None };
        let result = validate(|ask| ask.spec.ca_bundle_secret_ref = Some(bundle));
        assert_names(result, reasons::INVALID_SPEC, "caBundleSecretRef.name");
    }
}

#[test]
fn other_fields_that_work_are_accepted() {
    for method in ["", "GET", "post", "PATCH", "OPTIONS", "QUERY", "PROPFIND"] {
        assert_eq!(validate(|ask| ask.spec.method = Some(method.to_owned())), Ok(()), "{method}");
    }
    for timeout in ["", "0s", "1m30s"] {
        assert_eq!(validate(|ask| ask.spec.timeout = Some(timeout.to_owned())), Ok(()), "{timeout}");
    }
    let headers = SecretReference { name: "my-secret.v1".to_owned() };
    assert_eq!(validate(|ask| ask.spec.headers_secret_ref = Some(headers)), Ok(()));
}

#[test]
fn settings_can_forbid_plain_http_and_skipping_verification() {
    let strict = |ask: &mut Ask| {
        ask.settings.forbid_plain_http = true;
        ask.settings.forbid_insecure_skip_verify = true;
    };
    assert_eq!(validate(strict), Ok(()));
    let plain = validate(|ask| {
        strict(ask);
        ask.spec.url = "http://example.com/".to_owned();
    });
    assert_names(plain, reasons::INVALID_URL, "url");
    let skip = validate(|ask| {
        strict(ask);
        ask.spec.insecure_skip_verify = Some(true);
    });
    assert_names(skip, reasons::INVALID_SPEC, "insecureSkipVerify");
    // It has no effect beside a bundle, so there is nothing to forbid.
    let bundle = SecretKeyReference { name: "ca".to_owned(), key: None };
    let ignored = validate(|ask| {
        strict(ask);
        ask.spec.insecure_skip_verify = Some(true);
        ask.spec.ca_bundle_secret_ref = Some(bundle);
    });
    assert_eq!(ignored, Ok(()));
}

#[test]
fn a_missing_sub_object_is_refused_and_harms_nothing() {
    let generator = Ask::get("").generator();
    let spec = GeneratorSpec { kind: "http".to_owned(), http: None };
    let failure = generator.validate(&spec).unwrap_err();
    assert_eq!((failure.class, failure.reason), (Class::Configuration, reasons::INVALID_SPEC));
    assert_eq!(generator.file_name(&spec), "data");
    assert!(generator.secrets(&spec).is_empty());
}

#[test]
fn the_secrets_of_a_request_are_named_once() {
    let named = |headers: &str, bundle: &str| {
        let ask = Ask::get("https://a.test/").with(|ask| {
            ask.spec.headers_secret_ref = Some(SecretReference { name: headers.to_owned() });
            ask.spec.ca_bundle_secret_ref = Some(SecretKeyReference { name: bundle.to_owned(), key: None });
        });
        ask.generator().secrets(&ask.generator_spec())
    };
    assert_eq!(named("a", "b"), ["a", "b"]);
    assert_eq!(named("a", "a"), ["a"]);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        url in prop_oneof![".*", "https?://.{0,60}", "https?://[0-9a-fx.:\\[\\]@%]{0,40}/.{0,20}"],
        method in ".{0,20}",
        timeout in prop_oneof![".*", "[0-9.]{1,40}(ms|s|m|h)"],
    ) {
        let ask = Ask::get(url).with(|ask| {
            ask.spec.method = Some(method);
            ask.spec.timeout = Some(timeout);
        });
        let (generator, spec) = (ask.generator(), ask.generator_spec());
        if let Err(failure) = generator.validate(&spec) {
            prop_assert_eq!(failure.class, Class::Configuration);
        }
        let name = generator.file_name(&spec);
        prop_assert!(!name.is_empty() && !name.contains('/') && !name.starts_with(".."));
        prop_assert!(!generator.origin(&spec).contains('?'));
        prop_assert_eq!(generator.fingerprint(&spec, &ask.secrets).len(), 64);
    }
}
