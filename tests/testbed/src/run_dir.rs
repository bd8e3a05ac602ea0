//! The folder of this test process: certificates, data, logs.
//!
//! A killed run cannot clean up after itself, so every start sweeps what ended runs have left: their data at once, their
//! logs after an hour, so that a developer can still read the logs of the run that failed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

const KEEP_LOGS: Duration = Duration::from_secs(3600);
const LOCK: &str = "lock";
/// Folders of this name hold bulky data that nobody reads after the run.
pub(crate) const DATA: &str = "data";

struct RunDir {
    path: PathBuf,
    /// Locked until the process ends, however it ends: this is how others know that the run still lives.
    _lock: File,
}

/// The folder of this process, made on the first call.
pub(crate) fn path() -> Result<&'static Path> {
    static RUN: OnceLock<Result<RunDir, String>> = OnceLock::new();
    let run = RUN.get_or_init(|| create().map_err(|error| format!("{error:#}")));
    run.as_ref().map(|run| run.path.as_path()).map_err(|error| anyhow!("{error}"))
}

/// A new folder inside that of this process.
pub(crate) fn subfolder(prefix: &str) -> Result<PathBuf> {
    let parent = path()?;
    let folder = tempfile::Builder::new()
        .prefix(&format!("{prefix}-"))
        .tempdir_in(parent)
        .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
    Ok(folder.keep())
}

fn create() -> Result<RunDir> {
    // The user's id keeps the folders of two users of one machine apart.
    let root = std::env::temp_dir().join(format!("flux-externalsource-testbed-{}", rustix::process::getuid().as_raw()));
    fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
    let sweep_lock = File::create(root.join("sweep.lock")).context("cannot open the testbed's sweep lock")?;
    // Held until the new folder's own lock is taken, so that no other process mistakes it for an ended run's.
    sweep_lock.lock().context("cannot take the testbed's sweep lock")?;
    sweep(&root);
    let path = tempfile::Builder::new().prefix("run-").tempdir_in(&root).context("cannot create a run folder")?.keep();
    let lock = File::create(path.join(LOCK)).context("cannot create a run folder's lock")?;
    lock.lock().context("cannot take the run folder's lock")?;
    Ok(RunDir { path, _lock: lock })
}

/// Best effort: what cannot be removed now is tried again by the next run.
fn sweep(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for run in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let lock = File::open(run.join(LOCK));
        if lock.as_ref().is_ok_and(|lock| lock.try_lock().is_err()) {
            continue;
        }
        let age = lock.ok().and_then(|lock| lock.metadata().ok()?.modified().ok()?.elapsed().ok());
        if age.is_some_and(|age| age < KEEP_LOGS) { remove_data(&run) } else { drop(fs::remove_dir_all(&run)) }
    }
}

fn remove_data(run: &Path) {
    let Ok(entries) = fs::read_dir(run) else { return };
    for entry in entries.flatten() {
        drop(fs::remove_dir_all(entry.path().join(DATA)));
    }
}
