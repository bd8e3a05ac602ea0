//! The right to write: the owner marker, and whether this process is the one that leads.
//!
//! Nothing in a bucket can be locked. What keeps two processes of one installation apart is the lease; what keeps
//! installations apart is the marker, which is read before the first write of each term.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;
use tokio::sync::{Mutex, RwLock, RwLockReadGuard};

use super::Bucket;
use super::classify::{self, Refusal};
use super::error::S3Error;
use crate::storage::Owner;
use crate::storage::owner::Claim;

const MARK: &str = "write the owner marker (s3:PutObject)";

/// How often the marker is looked at while it is not ours yet: written once, and read back.
const ATTEMPTS: usize = 4;

/// Whether this process writes.
#[derive(Debug, Default)]
pub(super) struct Writer {
    wanted: AtomicBool,
    claimed: Mutex<bool>,
    /// Held for reading by every write.
    writes: RwLock<()>,
}

/// The marker as it is now.
struct Found {
    owner: Owner,
    etag: Option<String>,
}

impl Writer {
    /// Says whether this process is the one that writes; returns once the writes of the term before are over.
    pub async fn lead(&self, leading: bool) {
        self.wanted.store(leading, Ordering::Release);
        let _none_under_way = self.writes.write().await;
        *self.claimed.lock().await = false;
    }
}

impl Bucket {
    /// The right to write, to be kept until the write is over.
    pub async fn check_writer(&self) -> Result<RwLockReadGuard<'_, ()>, S3Error> {
        let writing = self.writer.writes.read().await;
        if !self.writer.wanted.load(Ordering::Acquire) {
            return Err(S3Error::NotWriter { place: self.place.to_string() });
        }
        let mut claimed = self.writer.claimed.lock().await;
        if !*claimed {
            self.claim().await?;
            *claimed = true;
        }
        Ok(writing)
    }

    /// Fails when the bucket is somebody else's.
    pub async fn check_owner(&self) -> Result<(), S3Error> {
        let found = self.find().await?;
        self.judge(found.as_ref()).map(drop)
    }

    /// Makes the bucket ours.
    async fn claim(&self) -> Result<(), S3Error> {
        for _ in 0..ATTEMPTS {
            let found = self.find().await?;
            if self.judge(found.as_ref())? == Claim::Held {
                return Ok(());
            }
            self.mark(found.as_ref()).await?;
        }
        let why = "several controllers write the owner marker at once".to_owned();
        Err(S3Error::Failed { place: self.place.to_string(), action: MARK, why })
    }

    fn judge(&self, found: Option<&Found>) -> Result<Claim, S3Error> {
        let ours = &self.settings.owner;
        let owner = found.map(|found| &found.owner);
        match (ours.claim(owner, self.settings.take_over.as_deref()), owner) {
            (Claim::Foreign, Some(owner)) => Err(S3Error::Foreign {
                place: self.place.to_string(),
                owner: Box::new(owner.clone()),
                ours: Box::new(ours.clone()),
            }),
            (claim, _) => Ok(claim),
        }
    }

    async fn find(&self) -> Result<Option<Found>, S3Error> {
        const READ: &str = "read the owner marker (s3:GetObject)";
        let object = self.place.marker();
        let answer = self.client.get_object().bucket(&self.place.bucket).key(&object).send().await;
        let answer = match answer {
            Err(error) if classify::is_absent(&error) => return Ok(None),
            answer => answer.map_err(|error| self.place.failed(READ, &error))?,
        };
        let body = answer.body.collect().await.map_err(|error| self.place.broken_off(&error))?.into_bytes();
        let owner = serde_json::from_slice(&body).map_err(|error| S3Error::Marker {
            place: self.place.to_string(),
            object,
            why: error.to_string(),
        })?;
        Ok(Some(Found { owner, etag: answer.e_tag }))
    }

    /// Writes the marker, unless somebody else did so since it was read. The caller reads it again: where a server knows
    /// no conditions, the one that wrote last has the bucket.
    async fn mark(&self, instead_of: Option<&Found>) -> Result<(), S3Error> {
        let failed = |error: &Refusal<PutObjectError>| self.place.failed(MARK, error);
        let mut text =
            serde_json::to_vec_pretty(&self.settings.owner).map_err(|error| S3Error::Setup(error.to_string()))?;
        text.push(b'\n');
        let put = || {
            self.client
                .put_object()
                .bucket(&self.place.bucket)
                .key(self.place.marker())
                .content_type("application/json")
                .set_server_side_encryption(self.encryption())
                .set_ssekms_key_id(self.kms_key())
                .body(ByteStream::from(text.clone()))
        };
        let conditional = match instead_of {
            None => put().if_none_match("*"),
            Some(found) => put().set_if_match(found.etag.clone()),
        };
        match conditional.send().await {
            Ok(_) => {}
            Err(error) if classify::is_precondition(&error) => return Ok(()),
            // A server that knows no conditions.
            Err(error) if matches!(classify::status(&error), Some(400 | 501)) => {
                put().send().await.map_err(|error| failed(&error))?;
            }
            Err(error) => return Err(failed(&error)),
        }
        tracing::info!(owner = %self.settings.owner, bucket = %self.place, "took the bucket");
        Ok(())
    }
}
