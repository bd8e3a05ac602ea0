//! The catalog over a folder of manifests: read again when files change, written to in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use kube::ResourceExt as _;
use notify::{Event as FileEvent, RecommendedWatcher};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::AbortOnDropHandle;

use super::files::{Files, Problem};
use super::folder::{self, Interest, Snapshot};
use super::store::Store;
use crate::api::{ExternalArtifact, ExternalArtifactStatus, ExternalSource, ExternalSourceStatus, ObjectName};
use crate::catalog::{Catalog, CatalogError, Change, Event, desired_artifact};
use crate::generators::Secret;

/// Editors and checkouts change several files in a row: the folder is read when it was quiet for so long ...
const QUIET: Duration = Duration::from_millis(100);

/// ... or when it was not quiet for so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// The folder cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is not there, or cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// The cause.
        error: std::io::Error,
    },
    /// It is something else.
    #[error("{0} is no folder")]
    NoFolder(PathBuf),
    /// Changes cannot be seen.
    #[error("files cannot be watched: {0}")]
    Watch(#[from] notify::Error),
}

/// The catalog over a folder of manifests. Its writes live in memory and end with it.
pub struct LocalCatalog {
    store: Arc<Store>,
    problems: watch::Receiver<Arc<Vec<Problem>>>,
    _watching: Option<AbortOnDropHandle<()>>,
}

impl LocalCatalog {
    /// Reads the folder and keeps watching it. Needs a runtime.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let unreadable = |error| OpenError::Unreadable { path: folder.to_owned(), error };
        if !std::fs::metadata(folder).map_err(unreadable)?.is_dir() {
            return Err(OpenError::NoFolder(folder.to_owned()));
        }
        let root = folder::absolute(folder).map_err(unreadable)?;
        let (store, mut loader, problems) = loader();
        let watched = Watched::start(&root)?;
        loader.load(watched.1);
        let watching = tokio::spawn(follow(root, loader, watched.0));
        Ok(Self { store, problems, _watching: Some(AbortOnDropHandle::new(watching)) })
    }

    /// Reads a file or a folder once.
    pub fn read(path: &Path) -> Result<Self, OpenError> {
        std::fs::metadata(path).map_err(|error| OpenError::Unreadable { path: path.to_owned(), error })?;
        let (store, mut loader, problems) = loader();
        loader.load(folder::read(path));
        Ok(Self { store, problems, _watching: None })
    }

    /// What is wrong with the manifests now; changes with every reading.
    pub fn problems(&self) -> watch::Receiver<Arc<Vec<Problem>>> {
        self.problems.clone()
    }
}

struct Loader {
    store: Arc<Store>,
    files: Files,
    problems: watch::Sender<Arc<Vec<Problem>>>,
}

fn loader() -> (Arc<Store>, Loader, watch::Receiver<Arc<Vec<Problem>>>) {
    let store = Arc::new(Store::default());
    let (sender, problems) = watch::channel(Arc::default());
    (Arc::clone(&store), Loader { store, files: Files::default(), problems: sender }, problems)
}

impl Loader {
    fn load(&mut self, snapshot: Snapshot) {
        let (desired, problems) = self.files.update(snapshot);
        if let Some(desired) = desired {
            self.store.replace(desired);
        }
        self.problems.send_replace(Arc::new(problems));
    }
}

/// The watches of one reading.
struct Watched {
    events: UnboundedReceiver<notify::Result<FileEvent>>,
    interest: Interest,
    _watcher: RecommendedWatcher,
}

impl Watched {
    fn start(root: &Path) -> Result<(Self, Snapshot), OpenError> {
        let (sender, events) = unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event| {
            // Nobody listens when the next reading has taken over.
            let _ = sender.send(event);
        })?;
        let (snapshot, interest) = folder::read_and_watch(root, &mut watcher);
        Ok((Self { events, interest, _watcher: watcher }, snapshot))
    }

    /// Waits until something changed and the folder has been quiet since. `None` when no event will come any more.
    async fn changed(&mut self) -> Option<()> {
        loop {
            match self.events.recv().await? {
                Ok(event) if !self.interest.covers(&event) => {}
                // After an error nothing is known, which reading mends.
                Ok(_) | Err(_) => break,
            }
        }
        let patience = Instant::now() + PATIENCE;
        let mut quiet = Instant::now() + QUIET;
        while let Ok(event) = timeout_at(quiet.min(patience), self.events.recv()).await {
            if event?.is_ok_and(|event| self.interest.covers(&event)) {
                quiet = Instant::now() + QUIET;
            }
        }
        Some(())
    }
}

/// Reads the folder again after each change.
async fn follow(root: PathBuf, mut loader: Loader, mut watched: Watched) {
    while watched.changed().await.is_some() {
        let root = root.clone();
        match tokio::task::spawn_blocking(move || Watched::start(&root)).await {
            Ok(Ok((next, snapshot))) => {
                watched = next;
                loader.load(snapshot);
            }
            // The old watches go on: the next change tries again.
            Ok(Err(error)) => {
                let message = error.to_string();
                loader.problems.send_replace(Arc::new(vec![Problem { file: None, line: None, message }]));
            }
            Err(_) => return,
        }
    }
}

#[async_trait]
impl Catalog for LocalCatalog {
    fn watch(&self) -> BoxStream<'static, Result<Change, CatalogError>> {
        self.store.watch()
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>, CatalogError> {
        Ok(self.store.secret(&ObjectName::new(namespace, name)))
    }

    async fn apply_artifact(&self, source: &ExternalSource) -> Result<Arc<ExternalArtifact>, CatalogError> {
        self.store.update_artifact(source, |artifact| {
            let desired = desired_artifact(source);
            artifact.labels_mut().extend(desired.metadata.labels.unwrap_or_default());
            artifact.metadata.owner_references = desired.metadata.owner_references;
            artifact.spec = desired.spec;
        })
    }

    async fn apply_artifact_status(
        &self,
        source: &ExternalSource,
        status: &ExternalArtifactStatus,
    ) -> Result<Arc<ExternalArtifact>, CatalogError> {
        self.store.update_artifact(source, |artifact| artifact.status = Some(status.clone()))
    }

    async fn apply_source_status(
        &self,
        source: &ExternalSource,
        status: &ExternalSourceStatus,
    ) -> Result<Arc<ExternalSource>, CatalogError> {
        self.store.update_source(source, |object| object.status = Some(status.clone()))
    }

    async fn remove_legacy_finalizer(&self, _: &ExternalSource) -> Result<(), CatalogError> {
        Ok(()) // Finalizers in manifests are not taken over: nothing here would ever wait for one.
    }

    fn tell(&self, _: Event) {} // The log and the view have it already, and there is nobody else to tell.
}
