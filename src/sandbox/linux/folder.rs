//! The folder of one program: made by its wrapper, locked as long as the wrapper lives, removed after the program.

use std::fs::{DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::remove;

/// Beginning of the names.
pub(super) const PREFIX: &str = "externalsource-run-";

/// Beginning of the names of folders that are not locked yet.
pub(super) const UNLOCKED: &str = "externalsource-new-";

/// How often a folder is made anew that somebody took for a leftover before it was locked. They look at their start only.
const TRIES: usize = 100;

/// A folder that only our user can enter, under a name that nobody can guess, removed when dropped.
pub(super) struct Folder {
    path: PathBuf,
    /// Open and locked.
    directory: File,
}

impl Folder {
    pub(super) fn new(work_dir: &Path) -> io::Result<Self> {
        let mut tries = 1;
        loop {
            let mut random = [0; 16];
            File::open("/dev/urandom")?.read_exact(&mut random)?;
            let random = u128::from_ne_bytes(random);
            let unlocked = work_dir.join(format!("{UNLOCKED}{random:032x}"));
            DirBuilder::new().mode(0o700).create(&unlocked)?;
            match Self::claim(&unlocked, work_dir.join(format!("{PREFIX}{random:032x}"))) {
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES => tries += 1,
                claimed => return claimed,
            }
        }
    }

    /// Renamed only once it is locked: under the name that it has then, whoever looks for leftovers never finds it
    /// unlocked. Before that it may be taken for one, and be gone.
    fn claim(unlocked: &Path, path: PathBuf) -> io::Result<Self> {
        let directory = File::open(unlocked)?;
        directory.lock()?;
        std::fs::rename(unlocked, &path)?;
        Ok(Self { path, directory })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn directory(&self) -> &File {
        &self.directory
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What remains after an error of the file system is removed at the next start.
        let _ = remove::tree(&self.path);
    }
}
