//! What wrappers that were killed have left: folders, and processes that died with nobody to wait for them.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpgid};

use super::folder::{PREFIX, UNLOCKED};
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
        let is_run = |name: &str| name.starts_with(PREFIX) || name.starts_with(UNLOCKED);
        let is_run = entry.file_name().to_str().is_some_and(is_run);
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
            // Its wrapper lived, and has removed it itself or given it its other name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::folder::Folder;
    use super::*;

    #[test]
    fn what_a_wrapper_left_before_it_had_locked_its_folder_is_removed() {
        let work_dir = tempfile::tempdir().unwrap();
        let [dead, live] = ["dead", "live"].map(|name| work_dir.path().join(format!("{UNLOCKED}{name}")));
        for path in [&dead, &live] {
            std::fs::create_dir(path).unwrap();
        }
        let directory = File::open(&live).unwrap();
        directory.lock().unwrap();
        remove(work_dir.path()).unwrap();
        assert!(!dead.exists() && live.exists());
        drop(directory);
        remove(work_dir.path()).unwrap();
        assert!(!live.exists());
    }

    #[test]
    fn whoever_looks_for_leftovers_takes_no_folder_from_anybody() {
        let work_dir = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    remove(work_dir.path()).unwrap();
                }
            });
            for _ in 0..500 {
                let folder = Folder::new(work_dir.path()).map(|folder| (folder.path().exists(), folder));
                if !folder.is_ok_and(|(exists, _)| exists) {
                    done.store(true, Ordering::Relaxed);
                    panic!("a folder was taken");
                }
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
