//! Uploads in parts, of which few are in memory at once.
//!
//! An upload runs in a task of its own, so that one that is given up is also taken back: what the server has of it costs
//! room, and nobody sees it.

use std::collections::HashSet;
use std::io::{self, Read as _};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Bucket;
use super::error::S3Error;
use super::put::{CONTENT_TYPE, STORE, check};
use crate::digest::{Digest, Hasher};
use crate::spool::{Spool, SpoolReader};
use crate::storage::{ArtifactKey, StorageError};

/// Parts of one archive that are on their way at once.
const AT_ONCE: usize = 2;

/// Pauses between attempts to take an upload back double up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(128);

/// An upload may take a second longer for so many bytes: what is slower is slow everywhere.
const SLOW: u64 = 64 * 1024;

impl Bucket {
    /// Stores an archive in parts.
    pub async fn upload(self: &Arc<Self>, key: &ArtifactKey, content: &Spool) -> Result<(), StorageError> {
        let given_up = CancellationToken::new();
        let _guard = given_up.clone().drop_guard();
        let (bucket, key, content) = (Arc::clone(self), key.clone(), content.clone());
        let uploading = tokio::spawn(async move {
            let _uploading = Uploading::new(&bucket, bucket.place.object(&key));
            let upload = Upload::begin(bucket, &key).await?;
            let outcome = upload.send(key.digest(), &content, &given_up).await;
            if outcome.is_err() {
                // Nobody waits for that.
                tokio::spawn(upload.take_back());
            }
            outcome
        });
        uploading.await.map_err(io::Error::other)?
    }

    /// Objects that this process is uploading.
    pub fn uploading(&self) -> MutexGuard<'_, HashSet<String>> {
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Settings for requests that carry so many bytes.
    pub fn patience(&self, bytes: u64) -> Builder {
        let settings = &self.settings.bucket;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(settings.connect_timeout)
            .operation_attempt_timeout(settings.timeout + Duration::from_secs(bytes / SLOW));
        Builder::new().timeout_config(timeouts.build())
    }
}

/// Says of an object, as long as it lives, that it is being uploaded.
struct Uploading {
    bucket: Arc<Bucket>,
    object: String,
}

impl Uploading {
    fn new(bucket: &Arc<Bucket>, object: String) -> Self {
        bucket.uploading().insert(object.clone());
        Self { bucket: Arc::clone(bucket), object }
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        self.bucket.uploading().remove(&self.object);
    }
}

/// Parts that are on their way.
type Sending = JoinSet<Result<CompletedPart, StorageError>>;

/// An upload that the server knows of.
#[derive(Clone)]
struct Upload {
    bucket: Arc<Bucket>,
    object: String,
    id: String,
}

impl Upload {
    async fn begin(bucket: Arc<Bucket>, key: &ArtifactKey) -> Result<Self, StorageError> {
        let object = bucket.place.object(key);
        let request = bucket
            .client
            .create_multipart_upload()
            .bucket(&bucket.place.bucket)
            .key(&object)
            .content_type(CONTENT_TYPE)
            .set_server_side_encryption(bucket.encryption())
            .set_ssekms_key_id(bucket.kms_key());
        let begun = request.send().await.map_err(|error| bucket.place.failed(STORE, &error))?;
        let nameless = || S3Error::Failed {
            place: bucket.place.to_string(),
            action: STORE,
            why: "the server gave the upload no id".into(),
        };
        let id = begun.upload_id.ok_or_else(nameless)?;
        Ok(Self { bucket, object, id })
    }

    async fn send(&self, digest: Digest, content: &Spool, given_up: &CancellationToken) -> Result<(), StorageError> {
        let mut parts = Parts::new(content, self.bucket.settings.bucket.part_size);
        let mut sending = JoinSet::new();
        let sent = tokio::select! {
            () = given_up.cancelled() => Err(io::Error::from(io::ErrorKind::Interrupted).into()),
            sent = self.send_parts(&mut parts, &mut sending) => sent,
        };
        // A part that arrives after its upload was aborted begins it anew on some servers, and AWS does not exclude it.
        while sending.join_next().await.is_some() {}
        let mut sent = sent?;
        check(digest, parts.digest())?;
        sent.sort_unstable_by_key(|part| part.part_number);
        self.complete(sent, content.len()).await
    }

    async fn send_parts(&self, parts: &mut Parts, sending: &mut Sending) -> Result<Vec<CompletedPart>, StorageError> {
        let mut sent = Vec::new();
        for number in 1.. {
            if sending.len() == AT_ONCE {
                sent.extend(joined(sending).await?);
            }
            // The semaphore is never closed. Taken before the part is read, because parts in memory are what it bounds.
            let permit = Arc::clone(&self.bucket.parts).acquire_owned().await.map_err(io::Error::other)?;
            let Some(part) = parts.next().await? else { break };
            sending.spawn(self.clone().send_part(number, part, permit));
        }
        while let Some(part) = joined(sending).await? {
            sent.push(part);
        }
        Ok(sent)
    }

    async fn send_part(
        self,
        number: i32,
        part: Bytes,
        permit: OwnedSemaphorePermit,
    ) -> Result<CompletedPart, StorageError> {
        let place = &self.bucket.place;
        let length = part.len() as u64;
        let request = self
            .bucket
            .client
            .upload_part()
            .bucket(&place.bucket)
            .key(&self.object)
            .upload_id(&self.id)
            .part_number(number)
            .body(ByteStream::from(part))
            .customize()
            .config_override(self.bucket.patience(length));
        let sent = request.send().await.map_err(|error| place.failed(STORE, &error))?;
        drop(permit);
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).build())
    }

    /// Puts the parts together. Servers may copy all of them now.
    async fn complete(&self, parts: Vec<CompletedPart>, size: u64) -> Result<(), StorageError> {
        let place = &self.bucket.place;
        let request = self
            .bucket
            .client
            .complete_multipart_upload()
            .bucket(&place.bucket)
            .key(&self.object)
            .upload_id(&self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .customize()
            .config_override(self.bucket.patience(size));
        request.send().await.map_err(|error| place.failed(STORE, &error))?;
        Ok(())
    }

    /// Lets the server forget it, also one that is away for some minutes; some servers show nobody what they have of it.
    async fn take_back(self) {
        let mut pause = Duration::from_secs(1);
        while let Err(error) = self.bucket.abort(&self.object, &self.id).await {
            if pause > LONGEST_PAUSE {
                tracing::warn!(%error, object = self.object, "an upload could not be taken back; it is looked for later");
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

/// The next part that was sent; `None` when all are.
async fn joined(sending: &mut Sending) -> Result<Option<CompletedPart>, StorageError> {
    sending.join_next().await.transpose().map_err(io::Error::other)?.transpose()
}

/// Reads content part by part, and hashes it.
pub(super) struct Parts {
    reader: Option<Reading>,
    size: u64,
    left: u64,
}

struct Reading {
    reader: SpoolReader,
    hasher: Hasher,
}

impl Parts {
    /// Parts of this size; the last one is what is left.
    pub fn new(content: &Spool, size: u64) -> Self {
        let reader = Reading { reader: content.reader(), hasher: Hasher::default() };
        Self { reader: Some(reader), size, left: content.len() }
    }

    /// The next part; `None` after the last one.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let length = self.left.min(self.size);
        if length == 0 {
            return Ok(None);
        }
        let Some(mut reading) = self.reader.take() else { return Ok(None) };
        let read = move || {
            let mut part = vec![0; length as usize];
            reading.reader.read_exact(&mut part)?;
            reading.hasher.update(&part);
            Ok::<_, io::Error>((reading, part))
        };
        let (reading, part) = tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
        self.reader = Some(reading);
        self.left -= length;
        Ok(Some(part.into()))
    }

    /// Digest of all parts so far.
    pub fn digest(&mut self) -> Digest {
        self.reader.take().map(|reading| reading.hasher).unwrap_or_default().finish()
    }
}
