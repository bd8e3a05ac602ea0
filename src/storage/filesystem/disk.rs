//! Every system call of this backend, one function each. An observer is told of each before it happens, and may forbid
//! it: that is how tests let any of them fail, and find out what a loss of power at this moment would leave.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

/// What is about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op<'a> {
    /// A folder is made.
    CreateDir(&'a Path),
    /// A new, empty file is made.
    CreateFile(&'a Path),
    /// Bytes are appended to a file.
    Write(&'a Path, &'a [u8]),
    /// What a file holds is made to last.
    SyncFile(&'a Path),
    /// A file gets another name, in place of what had it.
    Rename(&'a Path, &'a Path),
    /// The names in a folder are made to last.
    SyncDir(&'a Path),
    /// A name goes.
    RemoveFile(&'a Path),
    /// An empty folder goes.
    RemoveDir(&'a Path),
    /// A file is opened for reading.
    Open(&'a Path),
    /// Bytes of a file are read.
    Read(&'a Path),
}

/// Told of every call; an error is given back in place of the call.
pub(super) type Observer = dyn Fn(Op<'_>) -> io::Result<()> + Send + Sync;

/// The system calls; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Disk {
    observer: Option<Arc<Observer>>,
}

impl Disk {
    /// Calls that this observer is told of.
    #[cfg(any(test, feature = "fault-injection"))]
    pub(super) fn observed(observer: Arc<Observer>) -> Self {
        Self { observer: Some(observer) }
    }

    /// Whether every call has to go through here.
    pub(super) fn is_observed(&self) -> bool {
        self.observer.is_some()
    }

    fn tell(&self, op: Op<'_>) -> io::Result<()> {
        self.observer.as_ref().map_or(Ok(()), |observer| observer(op))
    }

    /// Makes a folder; says whether it was not there before.
    pub(super) fn create_dir(&self, path: &Path) -> io::Result<bool> {
        self.tell(Op::CreateDir(path))?;
        match fs::create_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a file that was not there before.
    pub(super) fn create_file(&self, path: &Path) -> io::Result<File> {
        self.tell(Op::CreateFile(path))?;
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    /// Appends to a file that [`create_file`](Self::create_file) made.
    pub(super) fn write(&self, mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.tell(Op::Write(path, bytes))?;
        file.write_all(bytes)
    }

    /// Waits until the file's bytes would survive a loss of power.
    pub(super) fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.tell(Op::SyncFile(path))?;
        file.sync_all()
    }

    /// Gives a file another name, in place of what had it.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.tell(Op::Rename(from, to))?;
        fs::rename(from, to)
    }

    /// Waits until the names in the folder would survive a loss of power.
    pub(super) fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.tell(Op::SyncDir(path))?;
        File::open(path)?.sync_all()
    }

    /// Removes a file; says whether it was there.
    pub(super) fn remove_file(&self, path: &Path) -> io::Result<bool> {
        self.tell(Op::RemoveFile(path))?;
        there(fs::remove_file(path))
    }

    /// Removes a folder if it is empty; says whether it did.
    pub(super) fn remove_dir(&self, path: &Path) -> io::Result<bool> {
        self.tell(Op::RemoveDir(path))?;
        match fs::remove_dir(path) {
            // What POSIX lets a file system say of a folder with something in it.
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => Ok(false),
            outcome => there(outcome),
        }
    }

    /// Opens a regular file for reading; `None` when there is none. Links are not followed.
    pub(super) fn open(&self, path: &Path) -> io::Result<Option<File>> {
        self.tell(Op::Open(path))?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NO_FOLLOW);
        match options.open(path) {
            Ok(file) => Ok(file.metadata()?.is_file().then_some(file)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fills `buffer` from `offset` on; a file that ends before that is an error.
    pub(super) fn read(&self, file: &File, path: &Path, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.tell(Op::Read(path))?;
        file.read_exact_at(buffer, offset)
    }
}

/// `O_NOFOLLOW`, and `O_NONBLOCK`, which does nothing to files and keeps the open of a pipe from waiting.
#[cfg(target_os = "linux")]
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.union(rustix::fs::OFlags::NONBLOCK).bits().cast_signed();
#[cfg(not(target_os = "linux"))]
const NO_FOLLOW: i32 = 0;

/// What an open says of a link that is not to be followed: Linux's number, or that of the BSDs.
const ELOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// Whether a path leads nowhere: nothing has this name, something on the way is no folder, or it is a link.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || error.raw_os_error() == Some(ELOOP)
}

fn there(outcome: io::Result<()>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}
