//! Settings of a bucket.

use super::settings::s3::{self, ServeMode, Sse};
use super::settings::storage;
use super::{ConfigError, Values};
use crate::storage::s3::{BucketSettings, Encryption, Keys, Serve};

/// The bucket and how it is served; `None` when no bucket is named. Read whether it is used or not: a mistake shows
/// before the backend is switched.
pub(super) fn bucket(values: &Values) -> Result<Option<(BucketSettings, Serve)>, ConfigError> {
    let use_ssl = values.get(&s3::USE_SSL)?;
    let settings = BucketSettings {
        endpoint: values.find(&s3::ENDPOINT)?.and_then(|endpoint| endpoint.server(use_ssl)),
        bucket: String::new(),
        prefix: values.find(&s3::PREFIX)?.unwrap_or_default(),
        region: values.get(&s3::REGION)?,
        path_style: values.get(&s3::PATH_STYLE)?,
        keys: keys(values)?,
        ca_file: values.find(&s3::CA_FILE)?,
        encryption: encryption(values)?,
        connect_timeout: values.get(&s3::CONNECT_TIMEOUT)?,
        timeout: values.get(&s3::TIMEOUT)?,
        max_attempts: values.get(&s3::MAX_ATTEMPTS)?,
        part_size: values.get(&s3::PART_SIZE)?,
    };
    let ttl = values.get(&s3::REDIRECT_TTL)?;
    let serve = match values.get(&s3::SERVE)? {
        ServeMode::Controller => Serve::Controller,
        ServeMode::Redirect => Serve::Redirect(ttl),
        ServeMode::Direct => Serve::Direct,
    };
    Ok(values.find(&s3::BUCKET)?.map(|bucket| (BucketSettings { bucket, ..settings }, serve)))
}

/// What is said when there is none.
pub(super) fn no_bucket(values: &Values) -> ConfigError {
    let backend = values.quote(&storage::BACKEND);
    ConfigError::Conflict(format!("{backend} needs S3_BUCKET"))
}

fn keys(values: &Values) -> Result<Option<Keys>, ConfigError> {
    match (values.find(&s3::ACCESS_KEY_ID)?, values.find(&s3::SECRET_ACCESS_KEY)?) {
        (Some(id), Some(secret)) => Ok(Some(Keys { id, secret })),
        (None, None) => Ok(None),
        _ => {
            Err(ConfigError::Conflict("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set both, or neither".into()))
        }
    }
}

fn encryption(values: &Values) -> Result<Encryption, ConfigError> {
    let key = values.find(&s3::SSE_KMS_KEY_ID)?;
    match (values.get(&s3::SSE)?, key) {
        (Sse::None, None) => Ok(Encryption::BucketDefault),
        (Sse::Aes256, None) => Ok(Encryption::Server),
        (Sse::Kms, key) => Ok(Encryption::Kms(key)),
        (Sse::None | Sse::Aes256, Some(_)) => Err(ConfigError::Conflict(format!(
            "S3_SSE_KMS_KEY_ID needs S3_SSE=aws:kms, not {}",
            values.quote(&s3::SSE)
        ))),
    }
}
