//! What wrappers that were killed have left: folders, and processes that died with nobody to wait for them.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpgid};

use super::folder::PREFIX;
use super::remove;

/// How long killed processes may take to be gone. They are gone at once, but for one that waits for a broken disk.
const GONE: Duration = Duration::from_secs(5);

/// Time between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// Removes the folders of wrappers that are gone.
pub(super) fn remove(work_dir: &Path) -> io::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    for entry in work_dir.read_dir()? {
        let entry = entry?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let is_run = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_folder && is_run && entry.metadata().is_ok_and(|metadata| metadata.uid() == ours) {
            remove_folder(&entry.path());
        }
    }
    Ok(())
}

/// Removes the folder of a wrapper, unless the wrapper lives. What cannot be removed is in nobody's way.
fn remove_folder(path: &Path) {
    let Ok(directory) = File::open(path) else { return };
    match directory.try_lock() {
        Ok(()) => match remove::tree(path) {
            Ok(()) => tracing::debug!(path = %path.display(), "removed what a program had left"),
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove what a program has left"),
        },
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
    }
}

/// Kills what a wrapper that was killed has left: the first process has died with it, the others are still in its
/// process group, because a program cannot leave it. Removes the folder too.
pub(super) async fn kill(main: Pid, folder: &Path) {
    let _ = kill_process_group(main, Signal::KILL);
    let begun = Instant::now();
    while begun.elapsed() < GONE && (reap(main) || rustix::process::test_kill_process_group(main).is_ok()) {
        tokio::time::sleep(LOOK).await;
    }
    remove_folder(folder);
}

/// Whether this process, which adopts orphans when it is the first one of its container, still has some of the group.
fn reap(main: Pid) -> bool {
    loop {
        match waitpgid(main, WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
