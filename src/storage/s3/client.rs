//! The SDK's client: where it connects, whom it trusts, how it signs and how long it waits.

use std::io;
use std::path::Path;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
    SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::error::S3Error;
use super::settings::BucketSettings;

/// A client for this bucket. Asks nobody anything yet.
pub(super) async fn client(settings: &BucketSettings) -> Result<Client, S3Error> {
    let http = http_client(settings.ca_file.as_deref())?;
    let region = Region::new(settings.region.clone());
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .operation_attempt_timeout(settings.timeout)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(settings.max_attempts);
    let credentials = match &settings.keys {
        Some(keys) => SharedCredentialsProvider::new(Credentials::new(&keys.id, &keys.secret, None, None, "settings")),
        None => environment(http.clone(), region.clone()).await,
    };
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(region)
        .credentials_provider(credentials)
        .http_client(http)
        .force_path_style(settings.path_style)
        .timeout_config(timeouts)
        .retry_config(retries)
        // Waits for more of an answer are bounded where it is read, so that a consumer that reads slowly is no stall.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // What is stored is hashed and signed as it is; the SDK's own checksums are not understood by every server.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint.to_string());
    }
    #[cfg(feature = "fault-injection")]
    if let Some(faults) = super::faults::interceptor() {
        config = config.interceptor(faults);
    }
    Ok(Client::from_conf(config.build()))
}

/// Whatever the environment offers: variables, a profile, web identity, the container's or the instance's role.
async fn environment(http: SharedHttpClient, region: Region) -> SharedCredentialsProvider {
    let config = ProviderConfig::default().with_http_client(http).with_region(Some(region.clone()));
    let chain = DefaultCredentialsChain::builder().configure(config).region(region);
    SharedCredentialsProvider::new(chain.build().await)
}

fn http_client(ca_file: Option<&Path>) -> Result<SharedHttpClient, S3Error> {
    let mut roots = TrustStore::default();
    if let Some(path) = ca_file {
        let unusable = |why: String| S3Error::CaFile { path: path.to_owned(), why };
        let pem = std::fs::read(path).map_err(|error| unusable(error.kind().to_string()))?;
        // The SDK panics on what it cannot read.
        check_certificates(&pem).map_err(|error| unusable(error.to_string()))?;
        roots = roots.with_pem_certificate(pem);
    }
    let tls =
        TlsContext::builder().with_trust_store(roots).build().map_err(|error| S3Error::Setup(error.to_string()))?;
    let provider = Provider::Rustls(CryptoMode::AwsLc);
    Ok(aws_smithy_http_client::Builder::new().tls_provider(provider).tls_context(tls).build_https())
}

fn check_certificates(pem: &[u8]) -> io::Result<()> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| io::Error::other(error.to_string()))?;
        roots.add(certificate).map_err(io::Error::other)?;
    }
    if roots.is_empty() { Err(io::Error::other("it holds no certificate")) } else { Ok(()) }
}
