//! Looking at objects, and reading them: across broken connections, and with an eye on the digest.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::{ByteStream as Body, DateTime};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream;

use super::Bucket;
use super::classify;
use super::error::S3Error;
use super::known::Identity;
use crate::digest::Hasher;
use crate::storage::{ArtifactKey, ByteStream, StorageError, StoredArtifact};

pub(super) const READ: &str = "read an archive (s3:GetObject)";
const LOOK: &str = "look at an archive (s3:GetObject, s3:ListBucket)";

/// How often a body that broke off is asked for again before the reader hears of it, when nothing came in between.
const RESUMES: u32 = 4;
/// Wait before the first of them; each further one waits twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// An object that is there.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub identity: Identity,
    pub stored: StoredArtifact,
}

impl Object {
    pub fn new(key: &ArtifactKey, size: Option<i64>, modified: Option<DateTime>, etag: Option<String>) -> Self {
        let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        let stored = StoredArtifact { key: key.clone(), size, stored_at: time(modified) };
        Self { identity: Identity { etag, size, modified }, stored }
    }
}

/// In whole seconds: listings are more precise than headers are.
pub(super) fn time(modified: Option<DateTime>) -> SystemTime {
    let seconds = modified.and_then(|modified| u64::try_from(modified.secs()).ok()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

impl Bucket {
    /// The object of an archive, damaged or not.
    pub async fn look(&self, key: &ArtifactKey) -> Result<Option<Object>, S3Error> {
        let object = self.place.object(key);
        match self.client.head_object().bucket(&self.place.bucket).key(object).send().await {
            Ok(head) => Ok(Some(Object::new(key, head.content_length, head.last_modified, head.e_tag))),
            Err(error) if classify::is_absent(&error) => Ok(None),
            Err(error) => Err(self.place.failed(LOOK, &error)),
        }
    }

    /// Whether the bucket itself is there: a look at one object does not tell.
    pub async fn check_bucket(&self) -> Result<(), S3Error> {
        match self.client.head_bucket().bucket(&self.place.bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if classify::status(&error) == Some(404) => {
                Err(S3Error::NoBucket { place: self.place.to_string() })
            }
            // Listing is not reading: who may not look at the bucket may still read what is in it.
            Err(error) if classify::status(&error) == Some(403) => Ok(()),
            Err(error) => Err(self.place.failed(LOOK, &error)),
        }
    }

    /// The whole archive; `None` when it is not there.
    pub async fn open(&self, key: &ArtifactKey) -> Result<Option<(Object, Body)>, S3Error> {
        let object = self.place.object(key);
        match self.client.get_object().bucket(&self.place.bucket).key(object).send().await {
            Ok(GetObjectOutput { body, content_length, last_modified, e_tag, .. }) => {
                Ok(Some((Object::new(key, content_length, last_modified, e_tag), body)))
            }
            Err(error) if classify::is_absent(&error) => Ok(None),
            Err(error) => Err(self.place.failed(READ, &error)),
        }
    }

    /// A part of an archive, as long as it is the same object.
    async fn open_part(&self, object: &Object, range: Range<u64>) -> Result<Body, S3Error> {
        let request = self
            .client
            .get_object()
            .bucket(&self.place.bucket)
            .key(self.place.object(&object.stored.key))
            .range(format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))
            .set_if_match(object.identity.etag.clone());
        Ok(request.send().await.map_err(|error| self.place.failed(READ, &error))?.body)
    }

    /// The bytes of `range` of an object, of which `body` is the answer to a request for all of them, if there was one.
    pub fn stream(self: &Arc<Self>, object: Object, range: Range<u64>, body: Option<Body>) -> ByteStream {
        let reading = Reading { bucket: Arc::clone(self), object, left: range, body, failures: 0 };
        stream::try_unfold(reading, |mut reading| async move {
            let chunk = reading.next().await?;
            Ok(chunk.map(|chunk| (chunk, reading)))
        })
        .boxed()
    }

    /// The same for a whole object of which nobody knows whether it is sound: the last of its bytes are held back until
    /// the digest has shown that, and are not given when it is another one.
    pub fn stream_checked(self: &Arc<Self>, object: Object, body: Body) -> ByteStream {
        let (bucket, key) = (Arc::clone(self), object.stored.key.clone());
        let (identity, size) = (object.identity.clone(), object.stored.size);
        let chunks = self.stream(object, 0..size, Some(body));
        let state = (chunks, Some(Hasher::default()), None::<Bytes>);
        stream::try_unfold(state, move |(mut chunks, mut hasher, mut held)| {
            let (bucket, key, identity) = (Arc::clone(&bucket), key.clone(), identity.clone());
            async move {
                loop {
                    match (chunks.next().await.transpose()?, hasher.take()) {
                        (Some(chunk), Some(mut hashed)) => {
                            hashed.update(&chunk);
                            hasher = Some(hashed);
                            if let Some(ready) = held.replace(chunk) {
                                return Ok(Some((ready, (chunks, hasher, held))));
                            }
                        }
                        (None, Some(hashed)) => {
                            let (expected, actual) = (key.digest(), hashed.finish());
                            bucket.known.note(&key, identity, actual == expected);
                            if actual != expected {
                                return Err(StorageError::Corrupt { expected, actual });
                            }
                            return Ok(held.take().map(|last| (last, (chunks, None, None))));
                        }
                        (_, None) => return Ok(None),
                    }
                }
            }
        })
        .boxed()
    }

    /// Reads a whole object to learn whether it is sound; `None` when it is gone meanwhile.
    pub async fn examine(self: &Arc<Self>, key: &ArtifactKey) -> Result<Option<(Object, bool)>, StorageError> {
        // The semaphore is never closed.
        let _permit = self.examining.acquire().await;
        let Some((object, body)) = self.open(key).await? else { return Ok(None) };
        let mut chunks = self.stream(object.clone(), 0..object.stored.size, Some(body));
        let mut hasher = Hasher::default();
        while let Some(chunk) = chunks.next().await {
            hasher.update(&chunk?);
        }
        let sound = hasher.finish() == key.digest();
        self.known.note(key, object.identity.clone(), sound);
        Ok(Some((object, sound)))
    }
}

/// A read under way.
struct Reading {
    bucket: Arc<Bucket>,
    object: Object,
    left: Range<u64>,
    body: Option<Body>,
    /// Since something came.
    failures: u32,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, StorageError> {
        while !self.left.is_empty() {
            match self.attempt().await {
                Ok(chunk) => {
                    self.failures = 0;
                    self.left.start += chunk.len() as u64;
                    return Ok(Some(chunk));
                }
                Err(error) => self.pause(error).await?,
            }
        }
        Ok(None)
    }

    async fn attempt(&mut self) -> Result<Bytes, S3Error> {
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.bucket.open_part(&self.object, self.left.clone()).await?,
        };
        let (place, wait) = (&self.bucket.place, self.bucket.settings.bucket.timeout);
        let next = tokio::time::timeout(wait, body.next()).await;
        let next = next.map_err(|_| S3Error::Timeout { place: place.to_string(), action: READ })?;
        let broken_off = |why: String| S3Error::Failed { place: place.to_string(), action: READ, why };
        let mut chunk = match next {
            Some(chunk) => chunk.map_err(|error| place.broken_off(&error))?,
            None => return Err(broken_off("the answer ended too early".into())),
        };
        let left = self.left.end - self.left.start;
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.body = Some(body);
        Ok(chunk)
    }

    /// Waits before another attempt, or gives up.
    async fn pause(&mut self, error: S3Error) -> Result<(), StorageError> {
        self.body = None;
        let passes = matches!(
            error,
            S3Error::Failed { .. } | S3Error::Unreachable { .. } | S3Error::Timeout { .. } | S3Error::Busy { .. }
        );
        if !passes || self.failures >= RESUMES {
            return Err(error.into());
        }
        tracing::debug!(%error, key = %self.object.stored.key, "goes on where a read broke off");
        tokio::time::sleep(PAUSE * 2_u32.pow(self.failures)).await;
        self.failures += 1;
        Ok(())
    }
}
