//! Builds one module into the cache: once, however many processes ask for it.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::{MODULES, Module, cache, go, sources};
use crate::archive::hex;
use crate::process::ProcessBuilder;

pub(super) const PROGRAMS: &str = "bin";
pub(super) const CRDS: &str = "crds";
/// Part of every key: raise it when the layout of a cache folder changes.
const LAYOUT: &str = "1";
const TEMPORARY: &str = "building-";
const REPORT_EVERY: Duration = Duration::from_secs(15);

/// The cache folder of a module, filled if it was not there.
pub(super) async fn ensure(module: &'static Module) -> Result<PathBuf> {
    let parent = cache()?.join(module.name);
    let folder = parent.join(key(module)?);
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(&parent).with_context(|| format!("cannot create the cache {}", parent.display()))?;
    let lock = lock(module, &parent).await?;
    // Another process may have built it while this one waited for the lock.
    if !folder.is_dir() {
        build(module, &parent, &folder).await?;
    }
    drop(lock);
    Ok(folder)
}

/// A hash of everything that decides what the build gives.
fn key(module: &Module) -> Result<String> {
    let mut hash = Sha256::new();
    for file in ["go.mod", "go.sum"] {
        let path = sources(module).join(file);
        hash.update(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    let flags = go::build_arguments(module, Path::new("")).join(" ");
    let rest = [LAYOUT, &flags, &go::version(module)?, module.crds_of.unwrap_or_default()];
    hash.update(rest.join("\n"));
    Ok(hex(&hash.finalize())[..16].to_owned())
}

/// Released when the file is closed, so also when the process that holds it is killed.
async fn lock(module: &Module, parent: &Path) -> Result<File> {
    let lock = File::create(parent.join("lock")).context("cannot open the lock of the testbed's cache")?;
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the testbed's cache"),
            Err(TryLockError::WouldBlock) if !said => {
                say(&format!("waiting for another process that builds {}", module.name));
                said = true;
            }
            Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Fills a temporary folder and renames it, so that a folder that is there is complete.
async fn build(module: &'static Module, parent: &Path, folder: &Path) -> Result<()> {
    remove_abandoned(parent)?;
    let temporary = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempdir_in(parent)
        .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
    if !module.programs.is_empty() {
        compile(module, parent, &temporary.path().join(PROGRAMS)).await?;
    }
    if let Some(dependency) = module.crds_of {
        let bases = go::download(module, dependency)?.join("config/crd/bases");
        copy_manifests(&bases, &temporary.path().join(CRDS))?;
    }
    let complete = temporary.keep();
    fs::rename(&complete, folder).with_context(|| format!("cannot move {} into place", complete.display()))
}

/// Whoever holds the lock builds, so a temporary folder that is there belongs to a build that was killed.
fn remove_abandoned(parent: &Path) -> Result<()> {
    let entries = fs::read_dir(parent).with_context(|| format!("cannot read {}", parent.display()))?;
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY)) {
        fs::remove_dir_all(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
    }
    Ok(())
}

async fn compile(module: &'static Module, parent: &Path, output: &Path) -> Result<()> {
    fs::create_dir_all(output).with_context(|| format!("cannot create {}", output.display()))?;
    let position = MODULES.iter().position(|other| other.name == module.name).unwrap_or_default() + 1;
    let what = format!("module {position} of {}, {} ({})", MODULES.len(), module.name, module.programs.join(", "));
    say(&format!("building {what}: once per machine, for some minutes"));
    let go = ProcessBuilder::new(&format!("go build {}", module.name), "go")
        .args(go::build_arguments(module, output))
        .inherit_env()
        .envs(go::ENVIRONMENT)
        .current_dir(sources(module))
        .log(parent.join("build.log"))
        .spawn()
        .context("cannot run `go`; install Go 1.26 or newer")?;
    let start = Instant::now();
    let status = loop {
        if let Ok(status) = go.wait(REPORT_EVERY).await {
            break status;
        }
        say(&format!("still building {what}: {} s", start.elapsed().as_secs()));
    };
    if !status.success() {
        bail!("cannot build {what}: `go build` ended with {status}:\n{}", go.log_tail());
    }
    if let Some(missing) = module.programs.iter().find(|program| !output.join(program).is_file()) {
        bail!("the build of {} gave no {missing}: does its go.mod still have the tool directive?", module.name);
    }
    say(&format!("built {what} in {} s", start.elapsed().as_secs()));
    Ok(())
}

fn copy_manifests(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        // Written anew rather than copied: files in Go's module cache are read-only, and the copy would be too.
        fs::write(to.join(entry.file_name()), fs::read(entry.path())?)
            .with_context(|| format!("cannot copy {}", entry.path().display()))?;
    }
    Ok(())
}

/// Straight to stderr: libtest holds back what the print macros write, and silence for minutes looks like a hang.
fn say(message: &str) {
    let _ = writeln!(std::io::stderr(), "testbed: {message}");
}
