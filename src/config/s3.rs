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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::{ControllerSettings, StorageBackend};

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn settings(pairs: &[(&str, &str)]) -> Result<ControllerSettings, ConfigError> {
        let usual = [("STORAGE_BACKEND", "s3"), ("S3_BUCKET", "artifacts"), ("POD_NAMESPACE", "flux")];
        ControllerSettings::new(Values::new(BTreeMap::new(), texts(&[&usual, pairs].concat()), &[]))
    }

    fn bucket(pairs: &[(&str, &str)]) -> (BucketSettings, Serve) {
        match settings(pairs).unwrap().storage.backend {
            StorageBackend::S3 { bucket, serve, .. } => (*bucket, serve),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_bucket_of_aws_needs_nothing_but_its_name() {
        let (bucket, serve) = bucket(&[]);
        assert_eq!((bucket.endpoint, bucket.keys, bucket.path_style), (None, None, false));
        assert_eq!((&*bucket.region, &*bucket.prefix, serve), ("us-east-1", "", Serve::Controller));
        // Every replica serves it.
        let url = settings(&[]).unwrap().storage.base_url;
        assert!(url.starts_with("http://externalsource-artifacts-shared.flux.svc."), "{url}");
    }

    #[test]
    fn an_endpoint_is_a_host_or_a_url_and_awss_own_is_none() {
        for (endpoint, use_ssl, expected) in [
            ("minio:9000", "true", "https://minio:9000"),
            ("minio:9000", "false", "http://minio:9000"),
            ("http://minio:9000/", "true", "http://minio:9000"),
            ("https://s3.example.com", "false", "https://s3.example.com"),
            ("[fd00::1]:9000", "true", "https://[fd00::1]:9000"),
            // As the Go implementation's manifests have it.
            ("https://s3.amazonaws.com", "true", ""),
            ("s3.amazonaws.com", "true", ""),
        ] {
            let (bucket, _) = bucket(&[("S3_ENDPOINT", endpoint), ("S3_USE_SSL", use_ssl)]);
            assert_eq!(bucket.endpoint.map(|it| it.to_string()).unwrap_or_default(), expected, "{endpoint}");
        }
        for endpoint in ["ftp://x", "http://x/path", "x/path", "user@host", "http://", "a b", "x?y", "x#y"] {
            let error = settings(&[("S3_ENDPOINT", endpoint)]).unwrap_err();
            assert!(error.to_string().contains("must be a host"), "{error}");
        }
        let error = settings(&[("S3_ENDPOINT", "https://user:hunter2@minio:9000")]).unwrap_err().to_string();
        assert!(error.contains("https://***@minio:9000") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_does_not_go_together_is_refused_without_a_secret() {
        for (pairs, message) in [
            (&[("S3_ACCESS_KEY_ID", "secret")][..], "must be set both"),
            (&[("S3_SECRET_ACCESS_KEY", "secret")], "must be set both"),
            (&[("S3_SSE_KMS_KEY_ID", "k")], "needs S3_SSE=aws:kms"),
            (&[("S3_SSE", "AES256"), ("S3_SSE_KMS_KEY_ID", "k")], "needs S3_SSE=aws:kms"),
            (&[("S3_BUCKET", "")], "STORAGE_BACKEND (s3) needs S3_BUCKET"),
            (&[("S3_BUCKET", "a/b")], "name of a bucket"),
            (&[("S3_PREFIX", "a/../b")], "must be a path"),
            (&[("S3_REDIRECT_TTL", "200h")], "from 1s to 168h"),
            (&[("S3_PART_SIZE", "4Mi")], "from 5Mi to 64Mi"),
            (&[("S3_SSE", "rot13")], "AES256"),
            (&[("S3_SERVE", "ftp")], "redirect"),
        ] {
            let error = settings(pairs).unwrap_err().to_string();
            assert!(error.contains(message) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_go_implementations_keys_mean_what_they_did() {
        let keys = [
            ("storage.backend", "s3"),
            ("storage.s3.endpoint", "minio:9000"),
            ("storage.s3.bucket", "artifacts"),
            ("storage.s3.region", "eu-west-1"),
            ("storage.s3.accessKeyId", "id"),
            ("storage.s3.secretAccessKey", "secret"),
            ("storage.s3.useSSL", "false"),
            ("storage.s3.pathStyle", "true"),
        ];
        let settings = ControllerSettings::new(Values::new(BTreeMap::new(), texts(&[]), &[])).unwrap();
        let settings = settings.with_config_map(&texts(&keys)).unwrap();
        assert_eq!(settings.warnings.iter().filter(|warning| warning.contains("s3")).count(), 0);
        let StorageBackend::S3 { bucket, .. } = settings.storage.backend else { panic!("another backend") };
        assert_eq!(bucket.endpoint.unwrap().to_string(), "http://minio:9000");
        assert_eq!((&*bucket.bucket, &*bucket.region, bucket.path_style), ("artifacts", "eu-west-1", true));
        assert_eq!(bucket.keys, Some(Keys { id: "id".into(), secret: "secret".into() }));
    }

    #[test]
    fn a_local_run_takes_no_bucket() {
        let values = Values::new(BTreeMap::new(), texts(&[("STORAGE_BACKEND", "s3"), ("S3_BUCKET", "abc")]), &[]);
        let address = "127.0.0.1:0".parse().unwrap();
        let error = crate::config::LocalSettings::new(&values, ".".into(), address).unwrap_err();
        assert!(error.to_string().contains("must be \"memory\" or \"pvc\" here"), "{error}");
    }
}
