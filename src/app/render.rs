//! `render`: one run of one manifest, without a cluster and without storage; its exit code says whether it would be
//! Ready.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use flate2::read::MultiGzDecoder;
use futures::StreamExt as _;
use kube::ResourceExt as _;
use tokio_util::sync::CancellationToken;

use super::once::Once;
use super::{executor, parts};
use crate::api::ExternalSource;
use crate::catalog::{Catalog, Change};
use crate::config::{RenderOutput, RenderSettings};
use crate::failure::Failure;
use crate::local::LocalCatalog;
use crate::pipeline::package::{self, Archive, Packaged, Packaging};
use crate::spool::Spool;

/// Fetches, packages and writes the result.
pub async fn render(settings: RenderSettings) -> anyhow::Result<ExitCode> {
    let _logs = parts::logs(&settings.log)?;
    let catalog = Arc::new(LocalCatalog::read(&settings.file)?);
    for problem in catalog.problems().borrow().iter() {
        eprintln!("warning: {problem}");
    }
    let source =
        pick(catalog.as_ref(), settings.name.as_deref()).await.with_context(|| settings.file.display().to_string())?;
    let archive = match run(&settings, catalog, &source).await? {
        Ok(archive) => archive,
        Err(failure) => {
            eprintln!("{}: not ready: {}: {}", source.name_any(), failure.reason, failure.message);
            return Ok(ExitCode::FAILURE);
        }
    };
    let (revision, digest, size) = (archive.revision, archive.bytes.digest().prefixed(), archive.bytes.len());
    tokio::task::spawn_blocking(move || write(&archive.bytes, &settings.output)).await??;
    eprintln!("{}: ready: revision {revision}, digest {digest}, {size} bytes", source.name_any());
    Ok(ExitCode::SUCCESS)
}

/// The source of this name, or the only one.
async fn pick(catalog: &LocalCatalog, name: Option<&str>) -> anyhow::Result<Arc<ExternalSource>> {
    let mut sources = Vec::new();
    let mut changes = catalog.watch();
    while let Some(change) = changes.next().await {
        match change? {
            Change::Source(observed) => sources.push(observed),
            Change::Synced => break,
            Change::SourceGone { .. } | Change::Artifact(_) | Change::ArtifactGone(_) => {}
        }
    }
    let names = sources.iter().map(|observed| observed.object.name_any()).collect::<Vec<_>>().join(", ");
    sources.retain(|observed| name.is_none_or(|name| observed.object.name_any() == name));
    match (sources.pop(), sources.is_empty(), name) {
        (Some(observed), true, _) => match observed.invalid {
            None => Ok(observed.object),
            Some(why) => bail!("{} cannot be read: {why}", observed.object.name_any()),
        },
        (None, _, None) => bail!("there is no ExternalSource in it"),
        (None, _, Some(name)) => bail!("there is no ExternalSource {name:?} in it; there are: {names}"),
        (Some(_), false, _) => bail!("there are several ExternalSources in it; pick one with --name: {names}"),
    }
}

/// The archive, or why the source would not be Ready. Any other error is one of ours.
async fn run(
    settings: &RenderSettings,
    catalog: Arc<LocalCatalog>,
    source: &Arc<ExternalSource>,
) -> anyhow::Result<Result<Archive, Failure>> {
    let fetcher = parts::fetcher(&settings.run, catalog);
    let stop = CancellationToken::new();
    let _until_done = stop.clone().drop_guard();
    let executor = executor::executor(&settings.run, stop).await?.executor;
    let once = Once { fetcher: &fetcher, executor: executor.as_ref(), schedule: &settings.run.schedule };
    let (content, file_name) = match once.run(source).await {
        Ok(Some(made)) => made,
        Ok(None) => bail!("the origin was asked for the content and says that it did not change"),
        Err(failure) => return Ok(Err(failure)),
    };
    let job = Packaging::of(&source.spec, content, file_name, None);
    let limits = settings.run.unpack;
    let packaging = move || package::package(&job, &fetcher.spools, &limits, &CancellationToken::new());
    match tokio::task::spawn_blocking(packaging).await.context("the packager crashed")? {
        Ok(Packaged::Archive(archive)) => Ok(Ok(archive)),
        Ok(Packaged::Unchanged) => bail!("the packager made no archive, although there was none before"),
        Err(error) => Ok(Err(error.into())),
    }
}

fn write(archive: &Spool, output: &RenderOutput) -> anyhow::Result<()> {
    match output {
        RenderOutput::Stdout => {
            io::copy(&mut archive.reader(), &mut io::stdout().lock())?;
        }
        RenderOutput::Archive(path) => {
            let mut file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            io::copy(&mut archive.reader(), &mut file)?;
            file.sync_all()?;
        }
        RenderOutput::Folder(path) => {
            unpack(archive, path).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

fn unpack(archive: &Spool, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    if folder.read_dir()?.next().is_some() {
        bail!("the folder is not empty");
    }
    tar::Archive::new(MultiGzDecoder::new(archive.reader())).unpack(folder)?;
    Ok(())
}
