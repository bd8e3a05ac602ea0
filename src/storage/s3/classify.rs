//! What the SDK's errors mean.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::error::S3Error;
use super::place::Place;

/// An answer with an error in it, or none.
pub(super) type Refusal<E> = SdkError<E, HttpResponse>;

/// The status of the server's answer, if there was one.
pub(super) fn status<E>(error: &Refusal<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether the object is not there, as opposed to the bucket, or to the user who asks.
pub(super) fn is_absent<E: ProvideErrorMetadata>(error: &Refusal<E>) -> bool {
    // A HEAD has no body to say it in.
    let codes = ["", "NotFound", "NoSuchKey", "NoSuchUpload"];
    status(error) == Some(404) && codes.contains(&code(error).unwrap_or_default())
}

/// Whether a condition of the request did not hold, or somebody else was writing at the same time.
pub(super) fn is_precondition<E: ProvideErrorMetadata>(error: &Refusal<E>) -> bool {
    matches!(status(error), Some(412))
        || matches!(code(error), Some("PreconditionFailed" | "ConditionalRequestConflict"))
}

/// The server's own code.
pub(super) fn code<E: ProvideErrorMetadata>(error: &Refusal<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

impl Place {
    /// What `error` means that came of trying to `action`.
    pub fn failed<E>(&self, action: &'static str, error: &Refusal<E>) -> S3Error
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let place = self.to_string();
        match error {
            SdkError::TimeoutError(_) => S3Error::Timeout { place, action },
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(connector) if connector.is_timeout() => S3Error::Timeout { place, action },
                _ => self.no_connection(action, error),
            },
            SdkError::ServiceError(_) => self.refused(action, code(error), status(error)),
            // A body that is no answer of an S3 server: a proxy's, say. The status tells more than the parser.
            SdkError::ResponseError(_) if status(error).is_some_and(|status| status >= 300) => {
                self.refused(action, None, status(error))
            }
            _ => self.no_connection(action, error),
        }
    }

    /// There was no answer. The reason is somewhere below.
    fn no_connection(&self, action: &'static str, error: &(dyn Error + 'static)) -> S3Error {
        let place = self.to_string();
        let (mut next, mut last) = (Some(error), None);
        while let Some(cause) = next.map(inner) {
            next = cause.source();
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return S3Error::Tls { place, why: tls.to_string() };
            }
            if is_about_credentials(cause) {
                return S3Error::NoCredentials { place };
            }
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                last = Some(io.raw_os_error().map_or_else(|| io.to_string(), |_| io.kind().to_string()));
            }
        }
        match (last, error.source()) {
            (Some(why), _) => S3Error::Unreachable { place, why },
            (None, Some(source)) => S3Error::Failed { place, action, why: source.to_string() },
            (None, None) => S3Error::Failed { place, action, why: error.to_string() },
        }
    }

    /// The server said no.
    fn refused(&self, action: &'static str, code: Option<&str>, status: Option<u16>) -> S3Error {
        let place = self.to_string();
        match (code.unwrap_or_default(), status.unwrap_or_default()) {
            ("NoSuchBucket", _) => S3Error::NoBucket { place },
            ("InvalidAccessKeyId" | "InvalidClientTokenId" | "XAdminUserNotFound", _) => S3Error::UnknownKey { place },
            ("SignatureDoesNotMatch", _) => S3Error::WrongSecret { place },
            ("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "InvalidToken", _) => {
                S3Error::Expired { place }
            }
            ("RequestTimeTooSkewed" | "RequestExpired", _) => S3Error::ClockSkew { place },
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 307) => S3Error::WrongRegion { place, region: self.region().to_owned() },
            (
                "SlowDown"
                | "SlowDownRead"
                | "SlowDownWrite"
                | "ServiceUnavailable"
                | "Throttling"
                | "RequestLimitExceeded"
                | "TooManyRequests",
                _,
            ) => S3Error::Busy { place, action },
            ("QuotaExceeded" | "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" | "InsufficientStorage", _) => {
                S3Error::Full { place }
            }
            (code, _) if is_about_encryption(code) => S3Error::Encryption { place, code: code.to_owned() },
            ("AccessDenied" | "AllAccessDisabled" | "AccountProblem", _) | (_, 401 | 403) => {
                S3Error::Denied { place, action }
            }
            (_, 429 | 503) => S3Error::Busy { place, action },
            (_, 507) => S3Error::Full { place },
            ("", status) => S3Error::Failed { place, action, why: format!("the server answered {status}") },
            (code, status) => S3Error::Failed { place, action, why: format!("the server answered {status} {code}") },
        }
    }

    /// A body that ended too early, or did not go on.
    pub fn broken_off(&self, error: &(dyn Error + 'static)) -> S3Error {
        self.no_connection(super::read::READ, error)
    }
}

/// What is in an `io::Error` hides its own sources behind itself.
fn inner<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error
}

fn is_about_encryption(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    ["kms", "serversideencryption", "encryptionconfiguration"].iter().any(|part| code.contains(part))
}

fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    use aws_credential_types::provider::error::CredentialsError;
    error.is::<CredentialsError>()
}
