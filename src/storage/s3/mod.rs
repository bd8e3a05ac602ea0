//! Archives in a bucket of an S3 server, which survive everything that the server does.
//!
//! An object appears whole or not at all (`put`, `upload`), and is never changed. One process of an installation writes,
//! by leadership and an owner marker (`claim`); all of them read. What is read whole is hashed on the way (`read`), and
//! what turned out to be damaged is not served again (`known`).

mod claim;
mod classify;
mod client;
mod error;
#[cfg(feature = "fault-injection")]
mod faults;
mod known;
mod list;
mod place;
mod put;
mod read;
mod settings;
mod upload;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use futures::stream::{self, StreamExt as _};
use tokio::sync::Semaphore;

pub use error::S3Error;
pub use settings::{BucketSettings, Encryption, Endpoint, Keys, S3Settings, Serve};

use self::claim::Writer;
use self::known::Known;
use self::place::Place;
use super::{ArtifactKey, Content, Integrity, Page, Scope, Storage, StorageError, StoredArtifact};
use crate::spool::Spool;

/// Entries of one page of a listing: the most that servers give.
const PAGE_SIZE: i32 = 1000;

/// Archives that are read at once to compute their digests.
const EXAMINATIONS: usize = 2;

/// Parts of uploads that are in memory at once.
const PARTS: usize = 4;

/// Archives in a bucket.
pub struct S3Storage {
    bucket: Arc<Bucket>,
}

/// Without the client, which would show the id of its key.
impl fmt::Debug for S3Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Storage").field("settings", &self.bucket.settings).finish_non_exhaustive()
    }
}

/// The bucket, for all who work with it.
struct Bucket {
    settings: S3Settings,
    place: Place,
    client: Client,
    writer: Writer,
    known: Known,
    examining: Semaphore,
    parts: Arc<Semaphore>,
    /// Objects that this process is uploading, whose uploads are not unfinished.
    uploading: Mutex<HashSet<String>>,
    page_size: i32,
}

impl S3Storage {
    /// Opens the bucket; fails when it belongs to somebody else. A server that does not answer now may do so later.
    pub async fn open(settings: S3Settings) -> Result<Self, StorageError> {
        Self::open_paged(settings, PAGE_SIZE).await
    }

    async fn open_paged(settings: S3Settings, page_size: i32) -> Result<Self, StorageError> {
        let bucket = Bucket {
            client: client::client(&settings.bucket).await?,
            place: Place::new(&settings.bucket),
            settings,
            writer: Writer::default(),
            known: Known::default(),
            examining: Semaphore::new(EXAMINATIONS),
            parts: Arc::new(Semaphore::new(PARTS)),
            uploading: Mutex::default(),
            page_size,
        };
        match bucket.check_owner().await {
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "the storage does not answer yet"),
            Ok(()) => {}
        }
        Ok(Self { bucket: Arc::new(bucket) })
    }
}

#[async_trait]
impl Storage for S3Storage {
    async fn store(&self, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        put::check(key.digest(), content.digest())?;
        let _writing = self.bucket.check_writer().await?;
        self.bucket.put(key, content).await
    }

    async fn retrieve(
        &self,
        key: &ArtifactKey,
        range: Option<Range<u64>>,
    ) -> Result<Option<(StoredArtifact, Content)>, StorageError> {
        let bucket = &self.bucket;
        let Some(range) = range else {
            let Some((object, body)) = bucket.open(key).await? else { return Ok(None) };
            let stored = object.stored.clone();
            return Ok(match bucket.known.is_sound(key, &object.identity) {
                Some(true) => Some((stored, bucket.stream(object.clone(), 0..object.stored.size, Some(body)).into())),
                Some(false) => None,
                None => Some((stored, bucket.stream_checked(object, body).into())),
            });
        };
        let Some(mut object) = bucket.look(key).await? else { return Ok(None) };
        let sound = match bucket.known.is_sound(key, &object.identity) {
            Some(sound) => sound,
            None => match bucket.examine(key).await? {
                Some((examined, sound)) => {
                    object = examined;
                    sound
                }
                None => false,
            },
        };
        if !sound {
            return Ok(None);
        }
        let stored = object.stored.clone();
        let content = if range.is_empty() { stream::empty().boxed() } else { bucket.stream(object, range, None) };
        Ok(Some((stored, content.into())))
    }

    async fn stat(&self, key: &ArtifactKey) -> Result<Option<StoredArtifact>, StorageError> {
        let Some(object) = self.bucket.look(key).await? else {
            self.bucket.check_bucket().await?;
            return Ok(None);
        };
        let damaged = self.bucket.known.is_sound(key, &object.identity) == Some(false);
        Ok((!damaged).then_some(object.stored))
    }

    async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, StorageError> {
        Ok(self.bucket.list(scope, after).await?)
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), StorageError> {
        let _writing = self.bucket.check_writer().await?;
        Ok(self.bucket.delete(key).await?)
    }

    async fn verify(&self, key: &ArtifactKey) -> Result<Integrity, StorageError> {
        Ok(match self.bucket.examine(key).await? {
            Some((_, true)) => Integrity::Sound,
            Some((_, false)) => Integrity::Damaged,
            None => Integrity::Absent,
        })
    }

    async fn remove_unfinished(&self, age: Duration) -> Result<usize, StorageError> {
        let _writing = self.bucket.check_writer().await?;
        Ok(self.bucket.abort_unfinished(age).await?)
    }

    async fn lead(&self, leading: bool) -> Result<(), StorageError> {
        self.bucket.writer.lead(leading).await;
        if leading {
            drop(self.bucket.check_writer().await?);
        }
        Ok(())
    }

    async fn redirect(&self, key: &ArtifactKey) -> Result<Option<String>, StorageError> {
        let Serve::Redirect(ttl) = self.bucket.settings.serve else { return Ok(None) };
        let place = &self.bucket.place;
        let signing = PresigningConfig::expires_in(ttl).map_err(|error| S3Error::Setup(error.to_string()))?;
        let request = self
            .bucket
            .client
            .get_object()
            .bucket(&place.bucket)
            .key(place.object(key))
            .response_content_type(put::CONTENT_TYPE);
        let signed = request.presigned(signing).await.map_err(|error| place.failed("sign a URL", &error))?;
        Ok(Some(signed.uri().to_owned()))
    }

    fn url(&self, key: &ArtifactKey) -> String {
        let Bucket { settings, place, .. } = &*self.bucket;
        match settings.serve {
            Serve::Controller | Serve::Redirect(_) => format!("{}/{key}", settings.base_url),
            Serve::Direct => place.url(&place.object(key)),
        }
    }

    fn backend(&self) -> &'static str {
        "s3"
    }
}

#[cfg(test)]
mod tests;
