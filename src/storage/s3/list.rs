//! Listings: of archives, and of uploads that never ended.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::operation::list_multipart_uploads::ListMultipartUploadsOutput;

use super::Bucket;
use super::classify;
use super::error::S3Error;
use super::read::time;
use crate::storage::{Page, Scope, StoredArtifact};

const LIST: &str = "list archives (s3:ListBucket)";
const LIST_UPLOADS: &str = "list unfinished uploads (s3:ListBucketMultipartUploads)";
const ABORT: &str = "abort an unfinished upload (s3:AbortMultipartUpload)";

impl Bucket {
    /// One page of the archives in `scope`; what else is there is passed over.
    pub async fn list(&self, scope: Scope<'_>, after: Option<&str>) -> Result<Page, S3Error> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.place.bucket)
            .prefix(self.place.folder(scope))
            .set_start_after(after.map(|after| self.place.of_printed(after)))
            .max_keys(self.page_size);
        let answer = request.send().await.map_err(|error| self.place.failed(LIST, &error))?;
        let objects = answer.contents.unwrap_or_default();
        let last = objects.last().and_then(|object| object.key.as_deref()).and_then(|key| self.place.printed(key));
        // By name rather than by the server's token, which may not outlive the object it names.
        let next = last.filter(|_| answer.is_truncated == Some(true)).map(str::to_owned);
        let entries = objects.iter().filter_map(|object| {
            let key = self.place.printed(object.key.as_deref()?)?.parse().ok()?;
            let size = u64::try_from(object.size?).ok()?;
            Some(StoredArtifact { key, size, stored_at: time(object.last_modified) })
        });
        Ok(Page { entries: entries.collect(), next })
    }

    /// Aborts uploads below our prefix that began `age` ago or earlier; says how many.
    pub async fn abort_unfinished(&self, age: Duration) -> Result<usize, S3Error> {
        let ours = self.place.folder(Scope::All);
        let mut aborted = 0;
        // MinIO lists uploads by the whole name of their object, or all of them: a prefix finds none. Elsewhere the
        // bucket may be full of other people's.
        for prefix in [Some(ours.as_str()), None] {
            let mut after = None;
            loop {
                let page = match self.uploads(prefix, after.as_ref()).await {
                    // Asked for once more than everybody allows.
                    Err(S3Error::Denied { .. }) if prefix.is_none() => return Ok(aborted),
                    page => page?,
                };
                for upload in page.uploads() {
                    let (Some(object), Some(id)) = (&upload.key, &upload.upload_id) else { continue };
                    let begun = time(upload.initiated);
                    // A time to come is one of another clock.
                    let is_due = age.is_zero() || SystemTime::now().duration_since(begun).is_ok_and(|idle| idle >= age);
                    let is_left = object.starts_with(&ours) && !self.uploading().contains(object);
                    if is_due && is_left && self.abort(object, id).await? {
                        aborted += 1;
                    }
                }
                after = page.next_key_marker.clone().zip(page.next_upload_id_marker.clone());
                if page.is_truncated != Some(true) || after.is_none() {
                    break;
                }
            }
        }
        Ok(aborted)
    }

    async fn uploads(
        &self,
        prefix: Option<&str>,
        after: Option<&(String, String)>,
    ) -> Result<ListMultipartUploadsOutput, S3Error> {
        let request = self
            .client
            .list_multipart_uploads()
            .bucket(&self.place.bucket)
            .set_prefix(prefix.map(str::to_owned))
            .set_key_marker(after.map(|(key, _)| key.clone()))
            .set_upload_id_marker(after.map(|(_, id)| id.clone()));
        request.send().await.map_err(|error| self.place.failed(LIST_UPLOADS, &error))
    }

    /// Aborts one upload; says whether it was there.
    pub async fn abort(&self, object: &str, id: &str) -> Result<bool, S3Error> {
        let request = self.client.abort_multipart_upload().bucket(&self.place.bucket).key(object).upload_id(id);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if classify::is_absent(&error) => Ok(false),
            Err(error) => Err(self.place.failed(ABORT, &error)),
        }
    }
}
