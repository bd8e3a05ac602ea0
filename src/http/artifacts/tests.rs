//! The server over a storage in memory and over one that misbehaves.

mod files;
mod paths;
mod requests;
mod sockets;
mod trouble;

use axum::http::HeaderName;
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http_body_util::BodyExt as _;

use super::*;
use crate::api::ObjectName;
use crate::digest::Digest;
use crate::spool::Spools;
use crate::storage::memory::{MemorySettings, MemoryStorage};

const CONTENT: &[u8] = b"0123456789";

/// One archive of ten bytes, advertised, in a storage whose every object is known.
struct Fixture {
    storage: Arc<dyn Storage>,
    presence: Arc<Presence>,
    key: ArtifactKey,
    latest: bool,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Result<Vec<u8>, StorageError>,
}

impl Fixture {
    async fn new() -> Self {
        let settings = MemorySettings { capacity: 1 << 20, base_url: "http://x".into() };
        Self::over(Arc::new(MemoryStorage::new(settings, Arc::default()))).await
    }

    async fn over(storage: Arc<dyn Storage>) -> Self {
        let presence = Arc::new(Presence::default());
        let spool = Spools::from_bytes(CONTENT);
        let key = ArtifactKey::new(ObjectName::new("team-a", "config.v1"), spool.digest());
        storage.store(&key, &spool).await.unwrap();
        presence.advertise(&ObjectName::new("team-a", "config.v1"), Some(key.clone()));
        presence.set_complete(true);
        Self { storage, presence, key, latest: false }
    }

    fn artifacts(&self) -> Artifacts {
        let settings = ArtifactSettings { latest: self.latest };
        Artifacts::new(Arc::clone(&self.storage), Arc::clone(&self.presence), settings)
    }

    fn path(&self) -> String {
        format!("/{}", self.key)
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.key.digest().prefixed())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(HeaderName, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let response = self.artifacts().answer(parts.method, parts.uri, parts.headers, None).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec());
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&self, headers: &[(HeaderName, &str)]) -> Answer {
        self.ask("GET", &self.path(), headers).await
    }
}

impl Answer {
    fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn body(&self) -> &[u8] {
        self.body.as_ref().unwrap()
    }
}
