//! The bucket against real servers: MinIO, and versitygw of other hands.

mod conformance;

use std::time::Duration;

use testbed::S3Server;
use testbed::s3::{ACCESS_KEY, Kind, SECRET_KEY};

use super::*;
use crate::storage::Owner;

/// The smallest size of parts that servers allow, so that few bytes make several.
const PART_SIZE: u64 = 5 << 20;

fn owner(release: &str) -> Owner {
    Owner { cluster: Some("c".into()), namespace: "flux-system".into(), release: release.into() }
}

/// Settings for a bucket of this server.
fn settings(server: &S3Server, bucket: String) -> S3Settings {
    let (tls, authority) = (server.endpoint().starts_with("https"), server.authority());
    S3Settings {
        bucket: BucketSettings {
            endpoint: Some(Endpoint { tls, authority }),
            bucket,
            prefix: "flux/main".into(),
            region: "us-east-1".into(),
            path_style: true,
            keys: Some(Keys { id: ACCESS_KEY.into(), secret: SECRET_KEY.into() }),
            ca_file: None,
            encryption: Encryption::BucketDefault,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
            max_attempts: 4,
            part_size: PART_SIZE,
        },
        serve: Serve::Controller,
        base_url: "http://artifacts.test".into(),
        owner: owner("main"),
        take_over: None,
    }
}

/// A storage over an empty bucket, ready to be written to.
async fn open(kind: Kind) -> (S3Storage, ()) {
    let server = S3Server::shared(kind).await.unwrap();
    (open_with(settings(server, server.bucket().unwrap())).await, ())
}

async fn open_with(settings: S3Settings) -> S3Storage {
    let pages = i32::try_from(crate::storage::conformance::PAGE_SIZE).unwrap();
    let storage = S3Storage::open_paged(settings, pages).await.unwrap();
    storage.lead(true).await.unwrap();
    storage
}
