//! Settings of the S3 backend.

use std::path::PathBuf;
use std::time::Duration;

use super::Group;
use crate::config::parse::{Rejected, absolute_path, boolean, capacity, id, period, positive};
use crate::config::setting::{BOOL, Setting};
use crate::storage::s3::Endpoint;

/// Limits of the size of a part: what S3 allows, and what few of them at once may take of the memory.
const PART_SIZES: std::ops::RangeInclusive<u64> = 5 << 20..=64 << 20;

/// The longest that S3 lets a signed URL live.
const LONGEST_REDIRECT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The server.
pub const ENDPOINT: Setting<EndpointText> = Setting::optional(
    "S3_ENDPOINT",
    "URL",
    endpoint,
    "Server of the bucket, as host and port or as URL; AWS's own in S3_REGION without it",
)
.key("storage.s3.endpoint");
/// The bucket.
pub const BUCKET: Setting<String> =
    Setting::optional("S3_BUCKET", "NAME", bucket, "Bucket of the artifacts, for s3").key("storage.s3.bucket");
/// The part of the bucket that is ours.
pub const PREFIX: Setting<String> = Setting::optional(
    "S3_PREFIX",
    "TEXT",
    prefix,
    "What the names of all objects begin with, so that several installations can share a bucket",
);
/// The region.
pub const REGION: Setting<String> =
    Setting::new("S3_REGION", "us-east-1", "NAME", id, "Region of the bucket").key("storage.s3.region");
/// The key's id.
pub const ACCESS_KEY_ID: Setting<String> = Setting::optional(
    "S3_ACCESS_KEY_ID",
    "SECRET",
    secret,
    "Id of the access key; without it the credentials of the environment are used (web identity, container or instance \
     role, AWS_* variables, profile)",
)
.key("storage.s3.accessKeyId");
/// The key.
pub const SECRET_ACCESS_KEY: Setting<String> =
    Setting::optional("S3_SECRET_ACCESS_KEY", "SECRET", secret, "Secret of the access key; better not as a flag")
        .key("storage.s3.secretAccessKey");
/// TLS.
pub const USE_SSL: Setting<bool> =
    Setting::new("S3_USE_SSL", "true", BOOL, boolean, "Use https, unless S3_ENDPOINT is a URL that says otherwise")
        .key("storage.s3.useSSL");
/// Where the bucket's name goes.
pub const PATH_STYLE: Setting<bool> = Setting::new(
    "S3_PATH_STYLE",
    "false",
    BOOL,
    boolean,
    "Name the bucket in the path rather than in the host name, as MinIO and others need it",
)
.key("storage.s3.pathStyle");
/// More authorities.
pub const CA_FILE: Setting<PathBuf> = Setting::optional(
    "S3_CA_FILE",
    "PATH",
    absolute_path,
    "Certificates of authorities (PEM) to trust besides the system's",
);
/// Encryption at rest.
pub const SSE: Setting<Sse> = Setting::new(
    "S3_SSE",
    "none",
    "NAME",
    sse,
    "Server-side encryption to ask for: none (what the bucket does by default), AES256 or aws:kms",
);
/// The key for it.
pub const SSE_KMS_KEY_ID: Setting<String> = Setting::optional(
    "S3_SSE_KMS_KEY_ID",
    "TEXT",
    id,
    "Key for S3_SSE=aws:kms; the key service's default for S3 without it",
);
/// How consumers get at archives.
pub const SERVE: Setting<ServeMode> = Setting::new(
    "S3_SERVE",
    "controller",
    "NAME",
    serve,
    "How consumers get artifacts: controller (through the artifact server), redirect (it sends them to a signed URL of \
     the bucket), or direct (from the bucket, which everybody may read)",
);
/// Life of a signed URL.
pub const REDIRECT_TTL: Setting<Duration> = Setting::new(
    "S3_REDIRECT_TTL",
    "5m",
    "DURATION",
    redirect_ttl,
    "How long the signed URLs of S3_SERVE=redirect are valid",
);
/// Connecting.
pub const CONNECT_TIMEOUT: Setting<Duration> =
    Setting::new("S3_CONNECT_TIMEOUT", "5s", "DURATION", period, "Limit for a connection to be established");
/// Answers.
pub const TIMEOUT: Setting<Duration> = Setting::new(
    "S3_TIMEOUT",
    "30s",
    "DURATION",
    period,
    "Limit for an answer, and for each wait for more of it; an upload gets a second more for each 64 KiB",
);
/// Attempts.
pub const MAX_ATTEMPTS: Setting<u32> = Setting::new(
    "S3_MAX_ATTEMPTS",
    "4",
    "NUMBER",
    positive,
    "How often a request is sent at most before it has failed",
);
/// Parts.
pub const PART_SIZE: Setting<u64> = Setting::new(
    "S3_PART_SIZE",
    "8Mi",
    "SIZE",
    part_size,
    "Size of the parts of an upload, of which two per artifact and four in all are in memory; from 5Mi to 64Mi",
);

/// The backend.
pub const GROUP: Group = Group {
    title: "S3",
    settings: &[
        ENDPOINT.info,
        BUCKET.info,
        PREFIX.info,
        REGION.info,
        ACCESS_KEY_ID.info,
        SECRET_ACCESS_KEY.info,
        USE_SSL.info,
        PATH_STYLE.info,
        CA_FILE.info,
        SSE.info,
        SSE_KMS_KEY_ID.info,
        SERVE.info,
        REDIRECT_TTL.info,
        CONNECT_TIMEOUT.info,
        TIMEOUT.info,
        MAX_ATTEMPTS.info,
        PART_SIZE.info,
    ],
};

/// Values of `S3_SSE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sse {
    /// What the bucket does.
    None,
    /// The server's keys.
    Aes256,
    /// A key service's.
    Kms,
}

/// Values of `S3_SERVE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeMode {
    /// Through us.
    Controller,
    /// By a signed URL.
    Redirect,
    /// By the bucket's own URL.
    Direct,
}

/// Host and port, and the scheme when it was a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointText {
    authority: String,
    tls: Option<bool>,
}

impl EndpointText {
    /// The server, unless it is AWS's, whose address follows from the region.
    pub fn server(self, use_ssl: bool) -> Option<Endpoint> {
        let Self { authority, tls } = self;
        (authority != "s3.amazonaws.com").then(|| Endpoint { tls: tls.unwrap_or(use_ssl), authority })
    }
}

fn endpoint(text: &str) -> Result<EndpointText, Rejected> {
    let rejected =
        || "must be a host such as minio.example.com:9000, or its http or https URL without a path".to_owned();
    let (tls, rest) = match text.split_once("://") {
        Some(("https", rest)) => (Some(true), rest),
        Some(("http", rest)) => (Some(false), rest),
        Some(_) => return Err(rejected()),
        None => (None, text),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let url: url::Url = format!("https://{authority}").parse().map_err(|_| rejected())?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    // No user: what stands there would be a secret in logs and URLs.
    if !plain || !url.has_host() || authority.contains(['@', '/', '?', '#', '\\']) {
        return Err(rejected());
    }
    Ok(EndpointText { authority: authority.to_ascii_lowercase(), tls })
}

fn bucket(text: &str) -> Result<String, Rejected> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let valid = (3..=255).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.');
    valid.then(|| text.to_owned()).ok_or_else(|| "must be the name of a bucket, without a path".into())
}

fn prefix(text: &str) -> Result<String, Rejected> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed);
    let trimmed = text.trim_matches('/');
    let valid = trimmed.is_empty() || (trimmed.len() <= 256 && trimmed.split('/').all(segment));
    valid.then(|| trimmed.to_owned()).ok_or_else(|| {
        "must be a path of letters, digits, dashes, dots and underscores, of up to 256 characters".into()
    })
}

/// Anything: a rejection would show it.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a parser")]
fn secret(text: &str) -> Result<String, Rejected> {
    Ok(text.to_owned())
}

fn sse(text: &str) -> Result<Sse, Rejected> {
    match text {
        "none" => Ok(Sse::None),
        "AES256" => Ok(Sse::Aes256),
        "aws:kms" => Ok(Sse::Kms),
        _ => Err("must be none, AES256 or aws:kms".into()),
    }
}

fn serve(text: &str) -> Result<ServeMode, Rejected> {
    match text {
        "controller" => Ok(ServeMode::Controller),
        "redirect" => Ok(ServeMode::Redirect),
        "direct" => Ok(ServeMode::Direct),
        _ => Err("must be controller, redirect or direct".into()),
    }
}

fn redirect_ttl(text: &str) -> Result<Duration, Rejected> {
    let ttl = period(text)?;
    if ttl < Duration::from_secs(1) || ttl > LONGEST_REDIRECT {
        return Err("must be from 1s to 168h".into());
    }
    Ok(ttl)
}

fn part_size(text: &str) -> Result<u64, Rejected> {
    let size = capacity(text)?;
    if PART_SIZES.contains(&size) { Ok(size) } else { Err("must be from 5Mi to 64Mi".into()) }
}
