//! A hash of everything that shapes a request, because validators mean nothing for another one.

use crate::api::external_source::HttpGeneratorSpec;
use crate::digest::Hasher;
use crate::generators::Secrets;

use super::secrets::ca_key;
use super::spec::{method_name, url_text};

/// The hash of method, URL, Secret versions and TLS mode, as hex.
///
/// Each field goes in behind its length, so that no two requests can spell the same bytes. Secret values stay out:
/// the hash lands in the object's status, where a short value could be found by trying.
pub(super) fn fingerprint(spec: &HttpGeneratorSpec, secrets: &Secrets) -> String {
    let mut hasher = Fields(Hasher::default());
    // Changes when the fields do, so that an upgrade asks without validators once instead of trusting old ones.
    hasher.text("http/2");
    hasher.text(&method_name(spec));
    hasher.text(&url_text(spec));
    hasher.secret(spec.headers_secret_ref.as_ref().map(|reference| reference.name.as_str()), secrets);
    hasher.secret(spec.ca_bundle_secret_ref.as_ref().map(|reference| reference.name.as_str()), secrets);
    hasher.text(spec.ca_bundle_secret_ref.as_ref().map_or("", ca_key));
    hasher.flag(spec.ca_bundle_secret_ref.is_none() && spec.insecure_skip_verify.unwrap_or_default());
    // Decides about Accept-Encoding, and so about the representation that an ETag names.
    hasher.flag(spec.unpack.is_some());
    // What the hooks made stays out; see docs/adr/0009-prerequest-output-stays-in-memory.md.
    hasher.flag(spec.from_pre_request == Some(true));
    hasher.0.finish().to_string()
}

struct Fields(Hasher);

impl Fields {
    fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.update(&[u8::from(flag)]);
    }

    fn secret(&mut self, name: Option<&str>, secrets: &Secrets) {
        let version = name.and_then(|name| secrets.get(name)).map(|secret| secret.version.as_str());
        for part in [name, version] {
            self.flag(part.is_some());
            self.text(part.unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::api::external_source::{SecretKeyReference, SecretReference, Unpack};
    use crate::generators::Secret;

    fn spec(url: &str) -> HttpGeneratorSpec {
        HttpGeneratorSpec { url: url.to_owned(), ..HttpGeneratorSpec::default() }
    }

    fn secrets(version: &str, value: &[u8]) -> Secrets {
        let data = [("Authorization".to_owned(), value.to_owned())].into();
        Secrets::from([("s".to_owned(), Arc::new(Secret { version: version.to_owned(), data }))])
    }

    #[test]
    fn whatever_shapes_the_request_changes_it() {
        let base = spec("https://a.test/x");
        let headers =
            HttpGeneratorSpec { headers_secret_ref: Some(SecretReference { name: "s".to_owned() }), ..base.clone() };
        let ca = |key: &str| HttpGeneratorSpec {
            ca_bundle_secret_ref: Some(SecretKeyReference { name: "s".to_owned(), key: Some(key.to_owned()) }),
            ..base.clone()
        };
        let none = Secrets::new();
        let (one, two) = (secrets("1", b"x"), secrets("2", b"x"));
        let all = [
            fingerprint(&base, &none),
            fingerprint(&spec("https://a.test/x?y"), &none),
            fingerprint(&spec("https://u:p@a.test/x"), &none),
            fingerprint(&HttpGeneratorSpec { method: Some("POST".to_owned()), ..base.clone() }, &none),
            fingerprint(&HttpGeneratorSpec { insecure_skip_verify: Some(true), ..base.clone() }, &none),
            fingerprint(&HttpGeneratorSpec { unpack: Some(Unpack::default()), ..base.clone() }, &none),
            fingerprint(&HttpGeneratorSpec { from_pre_request: Some(true), ..base.clone() }, &none),
            fingerprint(&headers, &none),
            fingerprint(&headers, &one),
            fingerprint(&headers, &two),
            fingerprint(&ca("ca.crt"), &one),
            fingerprint(&ca("other"), &one),
            fingerprint(&ca("ca.crt"), &two),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|hash| hash.len() == 64));
    }

    #[test]
    fn what_does_not_shape_the_request_does_not() {
        let base = spec("https://a.test/x");
        let none = Secrets::new();
        let same = [
            HttpGeneratorSpec { method: Some("get".to_owned()), ..base.clone() },
            HttpGeneratorSpec { method: Some(String::new()), ..base.clone() },
            HttpGeneratorSpec { timeout: Some("5s".to_owned()), ..base.clone() },
            HttpGeneratorSpec { insecure_skip_verify: Some(false), ..base.clone() },
            HttpGeneratorSpec { from_pre_request: Some(false), ..base.clone() },
            spec("HTTPS://A.test:443/x#fragment"),
        ];
        for spec in same {
            assert_eq!(fingerprint(&spec, &none), fingerprint(&base, &none), "{spec:?}");
        }
        let named = HttpGeneratorSpec { headers_secret_ref: Some(SecretReference { name: "s".to_owned() }), ..base };
        assert_eq!(fingerprint(&named, &secrets("1", b"x")), fingerprint(&named, &secrets("1", b"y")));
    }
}
