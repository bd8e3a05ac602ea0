//! The controller over a bucket: what it stored is there again after every kind of end, every replica serves it, and
//! nobody else gets in.

mod kills;
mod neighbours;
mod outages;
mod owners;
mod replicas;
mod restart;
mod secrets;
mod torture;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::Artifact;
use flux_externalsource::storage::s3::{BucketSettings, Encryption, Endpoint, Keys, S3Settings, S3Storage, Serve};
use flux_externalsource::storage::{ArtifactKey, Integrity, Owner, Scope, Storage as _};
use testbed::s3::{ACCESS_KEY, Kind, SECRET_KEY};
use testbed::{Origin, Reply, S3Server, Testbed};

use crate::harness::{Controller, Options, Sources, config_map, http_source, in_bucket, testbed};

/// A namespace, an origin, and a bucket that outlives controllers.
struct Scene {
    testbed: Testbed,
    sources: Sources,
    origin: Origin,
    server: S3Server,
    bucket: String,
    /// Where every controller serves, one after the other, as a pod of a `StatefulSet` does.
    port: u16,
}

impl Scene {
    async fn new(prefix: &str, kind: Kind) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        let server = S3Server::start(kind).await?;
        let (origin, bucket, port) = (Origin::start().await?, server.bucket()?, testbed::free_port()?);
        Ok(Self { testbed, sources, origin, server, bucket, port })
    }

    fn options(&self) -> Options {
        in_bucket(&self.server, &self.bucket)
            .with("ARTIFACT_SERVER_PORT", self.port.to_string())
            .with("ARTIFACT_BASE_URL", format!("http://127.0.0.1:{}", self.port))
    }

    async fn start(&self) -> Result<Controller> {
        self.start_with(self.options()).await
    }

    async fn start_with(&self, options: Options) -> Result<Controller> {
        Controller::start_with(&self.testbed, &self.sources.namespace, options).await
    }

    /// A controller that is not expected to become ready.
    async fn spawn_with(&self, options: Options) -> Result<Controller> {
        Controller::spawn(&self.testbed, &self.sources.namespace, options).await
    }

    /// Lets the origin say `value` for this source.
    fn say(&self, name: &str, value: &str) {
        self.origin.on(&path(name), Reply::ok(content(name, value)).etag(&format!("\"{value}\"")));
    }

    async fn create(&self, name: &str, value: &str) -> Result<()> {
        self.say(name, value);
        self.sources.apply(name, &http_source(&self.origin.url(&path(name)))).await.map(drop)
    }

    /// Checks that what is advertised is served, now, and is what the origin said.
    async fn ensure_served(&self, name: &str, value: &str) -> Result<Artifact> {
        let advertised = self.sources.advertised(name).await?;
        let files = self.sources.download(name).await?;
        ensure!(files.len() == 1 && files[0].1 == content(name, value), "something else is served");
        Ok(advertised)
    }

    /// The bucket as another process of the same installation sees it.
    async fn storage(&self) -> Result<S3Storage> {
        self.storage_below("flux").await
    }

    /// The same below another prefix.
    async fn storage_below(&self, prefix: &str) -> Result<S3Storage> {
        let owner =
            Owner { cluster: None, namespace: "flux-system".into(), release: "flux-externalsource-controller".into() };
        let keys = Keys { id: ACCESS_KEY.into(), secret: SECRET_KEY.into() };
        let bucket = BucketSettings {
            endpoint: Some(Endpoint { tls: false, authority: self.server.authority() }),
            bucket: self.bucket.clone(),
            prefix: prefix.into(),
            region: "us-east-1".into(),
            path_style: true,
            keys: Some(keys),
            ca_file: None,
            encryption: Encryption::BucketDefault,
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(60),
            max_attempts: 4,
            part_size: 5 << 20,
        };
        let settings =
            S3Settings { bucket, serve: Serve::Controller, base_url: "http://x".into(), owner, take_over: None };
        Ok(S3Storage::open(settings).await?)
    }

    /// Checks that every archive in the bucket is whole; gives their number.
    async fn ensure_sound(&self) -> Result<usize> {
        let storage = self.storage().await?;
        let page = storage.list(Scope::All, None).await?;
        ensure!(page.next.is_none(), "more than a page");
        for stored in &page.entries {
            let integrity = storage.verify(&stored.key).await?;
            ensure!(integrity == Integrity::Sound, "{} is {integrity:?}", stored.key);
        }
        Ok(page.entries.len())
    }

    /// Removes what an artifact's object holds.
    async fn remove(&self, artifact: &Artifact) -> Result<()> {
        let storage = self.storage().await?;
        storage.lead(true).await?;
        let key: ArtifactKey = artifact.path.parse().context("no key")?;
        Ok(storage.delete(&key).await?)
    }
}

fn path(name: &str) -> String {
    format!("/{name}.yaml")
}

/// A manifest; of sources whose names say so, one whose archive has several parts.
fn content(name: &str, value: &str) -> String {
    if !name.starts_with("large") {
        return config_map(value);
    }
    let mut state = value.bytes().fold(7_u64, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // 64 characters that compress to three quarters.
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(state >> 58) as usize])
    });
    format!("{}---\n# {}\n", config_map(value), noise.take(9 << 20).collect::<String>())
}
