//! The bucket against real servers: MinIO, and versitygw of other hands.

mod conformance;
mod damage;
mod errors;
mod outages;
mod owners;
mod serving;
mod uploads;

use std::time::Duration;

use futures::TryStreamExt as _;
use testbed::S3Server;
use testbed::s3::{ACCESS_KEY, Kind, SECRET_KEY};

use super::*;
use crate::api::ObjectName;
use crate::spool::Spools;
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
/// Bytes that no compression makes fewer, of so many parts and a bit.
fn archive(name: &str, seed: u8, parts: u64) -> (ArtifactKey, Spool) {
    let mut state = u64::from(seed) + 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take((parts * PART_SIZE) as usize + 1000)
    .collect();
    let spool = Spools::from_bytes(bytes);
    (ArtifactKey::new(ObjectName::new("team-a", name), spool.digest()), spool)
}

async fn read(storage: &S3Storage, key: &ArtifactKey) -> Result<Option<Vec<u8>>, StorageError> {
    let Some((_, stream)) = storage.retrieve(key, None).await? else { return Ok(None) };
    Ok(Some(stream.into_stream().try_collect::<Vec<_>>().await?.concat()))
}
