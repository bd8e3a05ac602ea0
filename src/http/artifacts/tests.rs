//! The router over a storage in memory and over one that misbehaves.

mod files;
mod paths;
mod requests;
mod trouble;

use axum::http::HeaderName;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

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
    body: Result<Vec<u8>, axum::Error>,
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

    fn path(&self) -> String {
        format!("/{}", self.key)
    }

    fn etag(&self) -> String {
        format!("\"{}\"", self.key.digest().prefixed())
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(HeaderName, &str)]) -> Answer {
        let settings = ArtifactSettings { latest: self.latest };
        let router = router(Arc::clone(&self.storage), Arc::clone(&self.presence), settings);
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
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
