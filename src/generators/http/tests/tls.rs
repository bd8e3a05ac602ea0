//! TLS: whose certificates are accepted, and how a downgrade ends.

use super::support::{Ask, Origin, Reply, certificate};
use crate::api::conditions::reasons;
use crate::failure::Class;

async fn origin(certificate: &rcgen::CertifiedKey<rcgen::KeyPair>) -> (Origin, String) {
    let origin = Origin::start_tls(certificate, |_| Reply::answer("200 OK", &[], b"x")).await;
    let url = format!("https://{}/", origin.address);
    (origin, url)
}

fn bundle(pem: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    [("ca.crt".to_owned(), pem.as_bytes().to_owned())].into()
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_the_message_says_what_helps() {
    let (origin, url) = origin(&certificate()).await;
    let failure = Ask::get(url).failure().await;
    assert_eq!((failure.class, failure.reason), (Class::Refused, reasons::FETCH_FAILED));
    assert!(failure.message.contains("unknown authority; spec.generator.http.caBundleSecretRef"), "{failure}");
    assert!(!origin.requests().iter().any(|head| head.starts_with("get")));
}

#[tokio::test]
async fn the_bundle_of_the_spec_is_trusted_and_nothing_else() {
    let (ours, other) = (certificate(), certificate());
    let (_origin, url) = origin(&ours).await;
    assert_eq!(Ask::get(&*url).ca("ca", bundle(&ours.cert.pem())).body().await, b"x");
    let both = format!("{}{}", other.cert.pem(), ours.cert.pem());
    assert_eq!(Ask::get(&*url).ca("ca", bundle(&both)).body().await, b"x");
    let failure = Ask::get(&*url).ca("ca", bundle(&other.cert.pem())).failure().await;
    assert_eq!(failure.class, Class::Refused, "{failure}");
}

#[tokio::test]
async fn verification_can_be_skipped_but_not_beside_a_bundle() {
    let (ours, other) = (certificate(), certificate());
    let (_origin, url) = origin(&ours).await;
    let skip = |ask: &mut Ask| ask.spec.insecure_skip_verify = Some(true);
    assert_eq!(Ask::get(&*url).with(skip).body().await, b"x");
    let failure = Ask::get(&*url).ca("ca", bundle(&other.cert.pem())).with(skip).failure().await;
    assert_eq!(failure.class, Class::Refused, "{failure}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let elsewhere = rcgen::generate_simple_self_signed(["elsewhere.test".to_owned()]).unwrap();
    let (_origin, url) = origin(&elsewhere).await;
    let failure = Ask::get(url).ca("ca", bundle(&elsewhere.cert.pem())).failure().await;
    assert_eq!(failure.class, Class::Refused);
    assert!(failure.message.ends_with("the server's certificate is not valid for the host's name"), "{failure}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_no_certificate_problem() {
    let origin = Origin::start(|_| Reply::text("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let origin_url = format!("https://{}/", origin.address);
    let ask = Ask::get(origin_url).with(|ask| ask.settings.timeout = std::time::Duration::from_millis(300));
    assert_eq!(ask.failure().await.class, Class::TRANSIENT);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_has_a_limit() {
    let origin = Origin::start(|_| Reply::Stall(Vec::new())).await;
    let ask = Ask::get(format!("https://{}/", origin.address));
    let failure = ask.with(|ask| ask.settings.timeout = std::time::Duration::from_millis(200)).failure().await;
    assert_eq!(failure.class, Class::TRANSIENT);
    assert!(failure.message.ends_with("a connection did not come within 180ms"), "{failure}");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_refused() {
    let plain = Origin::start(|_| Reply::answer("200 OK", &[], b"x")).await;
    let location = format!("Location: {}", plain.url("/"));
    let ours = certificate();
    let origin = Origin::start_tls(&ours, move |_| Reply::answer("302 Found", &[&location], b"")).await;
    let ask = Ask::get(format!("https://{}/", origin.address)).ca("ca", bundle(&ours.cert.pem()));
    let failure = ask.failure().await;
    assert_eq!(failure.class, Class::Refused);
    assert!(failure.message.ends_with("redirected from https to plain http"), "{failure}");
    assert!(plain.requests().is_empty());
}

#[tokio::test]
async fn a_missing_or_broken_bundle_waits_for_the_secret() {
    for (data, problem) in [
        ([("tls.crt".to_owned(), vec![])].into(), "is missing"),
        (bundle(""), "holds no PEM certificate that can be used"),
        (bundle("canary"), "holds no PEM certificate that can be used"),
    ] {
        let failure = Ask::get("https://127.0.0.1:1/").ca("ca", data).failure().await;
        assert_eq!((failure.class, failure.reason), (Class::Waiting, reasons::SECRET_UNAVAILABLE));
        assert_eq!(failure.message, format!("key \"ca.crt\" of Secret \"ca\" {problem}"));
    }
}
