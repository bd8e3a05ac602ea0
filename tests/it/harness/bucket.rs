//! Controllers that store in a bucket.

use testbed::S3Server;
use testbed::s3::{ACCESS_KEY, SECRET_KEY};

use super::Options;

/// Settings of controllers that store in this bucket.
pub fn in_bucket(server: &S3Server, bucket: &str) -> Options {
    Options::default()
        .with("STORAGE_BACKEND", "s3")
        .with("S3_ENDPOINT", server.authority())
        .with("S3_USE_SSL", "false")
        .with("S3_PATH_STYLE", "true")
        .with("S3_BUCKET", bucket)
        .with("S3_PREFIX", "flux")
        .with("S3_ACCESS_KEY_ID", ACCESS_KEY)
        .with("S3_SECRET_ACCESS_KEY", SECRET_KEY)
        .with("S3_PART_SIZE", "5Mi")
}
