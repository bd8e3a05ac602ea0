//! Reads what went wrong out of the client's errors, by type and never by text: their texts may hold addresses.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use super::errors::HttpError;
use crate::address::AddressDenied;

/// What a request's failure was. `limit` is the time that the client gave the connection.
pub(super) fn classify(error: &reqwest::Error, proxied: bool, limit: Duration) -> HttpError {
    if find::<AddressDenied>(error).is_some() {
        return HttpError::AddressDenied;
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return tls(error);
    }
    if error.is_timeout() {
        return HttpError::Timeout { waited_for: "a connection", limit };
    }
    if error.is_builder() {
        return HttpError::Client;
    }
    if proxied && error.is_connect() {
        return HttpError::Connect { problem: "no connection could be made through the proxy" };
    }
    if error.is_dns() {
        return HttpError::Resolve;
    }
    if find::<io::Error>(error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        return HttpError::Connect { problem: "the connection was refused" };
    }
    if error.is_connect() {
        return HttpError::Connect { problem: "no connection could be made" };
    }
    HttpError::Disconnected
}

fn tls(error: &rustls::Error) -> HttpError {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return HttpError::Connect { problem: "the TLS handshake failed" };
    };
    let problem = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::UnknownIssuer => {
            "is signed by an unknown authority; spec.generator.http.caBundleSecretRef can name it"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is not valid for the host's name"
        }
        CertificateError::Revoked => "was revoked",
        _ => "is not valid",
    };
    HttpError::Certificate { problem }
}

/// The first error of type `T` among the causes. `io::Error::source` passes over the error that it wraps, so that one
/// is looked into by hand.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
