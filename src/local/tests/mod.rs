//! The catalog over a folder, as its users see it: through the watch.

mod examples;
mod folder;
mod manifests;
mod writes;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use kube::ResourceExt as _;
use tempfile::TempDir;
use tokio::sync::watch;

use super::{LocalCatalog, OpenError, Problem};
use crate::api::{ExternalArtifactStatus, ExternalSourceStatus, ObjectName, conditions};
use crate::catalog::{Catalog as _, CatalogError, Change, ObservedSource, is_artifact_of};

/// Longer than any machine needs; reached only by a failing test.
const PATIENCE: Duration = Duration::from_secs(20);

struct Fixture {
    folder: TempDir,
    catalog: LocalCatalog,
    changes: BoxStream<'static, Result<Change, CatalogError>>,
    problems: watch::Receiver<Arc<Vec<Problem>>>,
}

impl Fixture {
    /// A catalog over these files, whose watch has told everything that exists.
    async fn open(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut fixture = Self::over(folder, "");
        fixture.until_synced().await;
        fixture
    }

    fn over(folder: TempDir, path: &str) -> Self {
        let catalog = LocalCatalog::open(&folder.path().join(path)).unwrap();
        let (changes, problems) = (catalog.watch(), catalog.problems());
        Self { folder, catalog, changes, problems }
    }

    async fn next(&mut self) -> Change {
        tokio::time::timeout(PATIENCE, self.changes.next()).await.unwrap().unwrap().unwrap()
    }

    async fn next_source(&mut self) -> ObservedSource {
        match self.next().await {
            Change::Source(source) => source,
            other => panic!("{other:?}"),
        }
    }

    async fn until_synced(&mut self) -> Vec<ObservedSource> {
        let mut sources = Vec::new();
        loop {
            match self.next().await {
                Change::Source(source) => sources.push(source),
                Change::Synced => return sources,
                other => panic!("{other:?}"),
            }
        }
    }

    async fn until_problems(&mut self, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let texts = |problems: &Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let found = self.problems.wait_for(|problems| wanted(&texts(problems)));
        texts(&tokio::time::timeout(PATIENCE, found).await.unwrap().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }
}

fn source(name: &str, url: &str) -> String {
    format!(
        "apiVersion: source.flux.oddkin.co/v1alpha1\nkind: ExternalSource\nmetadata:\n  name: {name}\nspec:\n  interval: 1m\n  \
         generator:\n    type: http\n    http:\n      url: {url}\n"
    )
}

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\nstringData:\n  Authorization: {value}\n")
}

fn url(source: &ObservedSource) -> &str {
    &source.object.spec.generator.http.as_ref().unwrap().url
}
