//! The controller over a volume: what it stored is there again after every kind of end, and nobody else gets in.

mod collector;
mod kills;
mod outages;
mod restart;
mod retention;
mod shared;
mod torture;
mod upgrade;
mod writers;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::api::Artifact;
use tempfile::TempDir;
use testbed::{Origin, Reply, Testbed, archive};

use crate::harness::{Controller, Options, Sources, config_map, http_source, testbed};

/// A namespace, an origin, and a volume that outlives controllers.
struct Scene {
    testbed: Testbed,
    sources: Sources,
    origin: Origin,
    volume: TempDir,
    /// Where every controller serves, one after the other, as a pod of a `StatefulSet` does.
    port: u16,
}

impl Scene {
    async fn new(prefix: &str) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        let (origin, volume, port) = (Origin::start().await?, tempfile::tempdir()?, testbed::free_port()?);
        Ok(Self { testbed, sources, origin, volume, port })
    }

    fn options(&self) -> Options {
        Options::default()
            .with("STORAGE_BACKEND", "pvc")
            .with("PVC_STORAGE_PATH", self.volume.path().display().to_string())
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
        self.origin.on(&path(name), Reply::ok(config_map(value)).etag(&format!("\"{value}\"")));
    }

    async fn create(&self, name: &str, value: &str) -> Result<()> {
        self.say(name, value);
        self.sources.apply(name, &http_source(&self.origin.url(&path(name)))).await.map(drop)
    }

    /// Checks that what is advertised is served, now, and is what the origin said.
    async fn ensure_served(&self, name: &str, value: &str) -> Result<Artifact> {
        let advertised = self.sources.advertised(name).await?;
        let files = self.sources.download(name).await?;
        ensure!(files == [(format!("{name}.yaml"), config_map(value))], "{files:?}");
        Ok(advertised)
    }

    /// Checks that every archive on the volume is whole, and that nothing else of ours is left lying about; gives their
    /// number.
    fn ensure_sound(&self) -> Result<usize> {
        let unfinished = files_below(&self.volume.path().join(".flux-externalsource/unfinished"))?;
        ensure!(unfinished.is_empty(), "{unfinished:?}");
        let archives = files_below(&self.volume.path().join("artifacts"))?;
        for path in &archives {
            let name = path.file_name().and_then(|name| name.to_str()).context("a name that is no text")?;
            let digest = archive::digest(&fs::read(path)?);
            ensure!(digest == format!("sha256:{}", name.trim_end_matches(".tar.gz")), "{name} is {digest}");
        }
        Ok(archives.len())
    }
}

fn path(name: &str) -> String {
    format!("/{name}.yaml")
}

/// All files below a folder that may not be there.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry?.path();
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    Ok(files)
}
