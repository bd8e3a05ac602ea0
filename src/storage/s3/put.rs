//! Storing: small archives in one request, larger ones in parts (`upload`). The server shows an object only once it has
//! all of it.

use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;

use super::Bucket;
use super::classify;
use super::error::S3Error;
use super::read::Object;
use super::settings::Encryption;
use crate::digest::Digest;
use crate::spool::Spool;
use crate::storage::{ArtifactKey, StorageError, StoredArtifact};

pub(super) const STORE: &str = "store an archive (s3:PutObject)";
pub(super) const CONTENT_TYPE: &str = "application/gzip";

impl Bucket {
    /// Stores an archive unless it is there.
    pub async fn put(self: &Arc<Self>, key: &ArtifactKey, content: &Spool) -> Result<StoredArtifact, StorageError> {
        if let Some(object) = self.look(key).await?
            && object.stored.size == content.len()
            && self.is_sound(key, &object).await?
        {
            return Ok(object.stored);
        }
        self.known.forget(key);
        if content.len() <= self.settings.bucket.part_size {
            self.put_whole(key, content).await?;
        } else {
            self.upload(key, content).await?;
        }
        let Object { identity, stored } = self.look(key).await?.ok_or_else(|| S3Error::Failed {
            place: self.place.to_string(),
            action: STORE,
            why: "it was gone right after".into(),
        })?;
        self.known.note(key, identity, true);
        Ok(stored)
    }

    /// Whether what is there already is what its key says; read, unless that is known.
    async fn is_sound(self: &Arc<Self>, key: &ArtifactKey, object: &Object) -> Result<bool, StorageError> {
        match self.known.is_sound(key, &object.identity) {
            Some(sound) => Ok(sound),
            None => Ok(self.examine(key).await?.is_some_and(|(_, sound)| sound)),
        }
    }

    /// Removes an archive.
    pub async fn delete(&self, key: &ArtifactKey) -> Result<(), S3Error> {
        const DELETE: &str = "delete an archive (s3:DeleteObject)";
        let request = self.client.delete_object().bucket(&self.place.bucket).key(self.place.object(key));
        match request.send().await {
            Err(error) if !classify::is_absent(&error) => return Err(self.place.failed(DELETE, &error)),
            _ => self.known.forget(key),
        }
        Ok(())
    }

    async fn put_whole(&self, key: &ArtifactKey, content: &Spool) -> Result<(), StorageError> {
        // The semaphore is never closed.
        let _permit = self.parts.acquire().await;
        let mut parts = super::upload::Parts::new(content, content.len());
        let bytes = parts.next().await?.unwrap_or_default();
        check(key.digest(), parts.digest())?;
        let length = bytes.len() as u64;
        let put = self
            .client
            .put_object()
            .bucket(&self.place.bucket)
            .key(self.place.object(key))
            .content_type(CONTENT_TYPE)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key())
            .body(ByteStream::from(bytes));
        let put = put.customize().config_override(self.patience(length));
        put.send().await.map_err(|error| self.place.failed(STORE, &error))?;
        Ok(())
    }

    pub(super) fn encryption(&self) -> Option<ServerSideEncryption> {
        match &self.settings.bucket.encryption {
            Encryption::BucketDefault => None,
            Encryption::Server => Some(ServerSideEncryption::Aes256),
            Encryption::Kms(_) => Some(ServerSideEncryption::AwsKms),
        }
    }

    pub(super) fn kms_key(&self) -> Option<String> {
        match &self.settings.bucket.encryption {
            Encryption::Kms(key) => key.clone(),
            Encryption::BucketDefault | Encryption::Server => None,
        }
    }
}

/// What was read has to be what was announced: nobody sees the object before that.
pub(super) fn check(expected: Digest, actual: Digest) -> Result<(), StorageError> {
    if actual == expected { Ok(()) } else { Err(StorageError::Corrupt { expected, actual }) }
}
