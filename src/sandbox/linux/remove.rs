//! Removing what a hostile program has left: trees of any depth, under any permissions.

use std::ffi::CString;
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags, chmodat, openat, renameat_with, unlinkat};
use rustix::io::Errno;

/// Removes a folder with all that is in it.
///
/// Folders inside are emptied into the outermost one, so neither a descriptor nor a stack frame is needed for each
/// level of a tree. To be called when nothing is at work in it any more: permissions are changed by name.
pub(super) fn tree(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
    let top = File::open(path)?;
    let mut moved = 0;
    loop {
        let names = entries(top.as_fd())?;
        if names.is_empty() {
            return std::fs::remove_dir(path);
        }
        for name in names {
            if !unlink(top.as_fd(), &name)? {
                flatten(top.as_fd(), &name, &mut moved)?;
            }
        }
    }
}

/// Moves what is in a folder of `top` into `top` itself, and removes the folder.
fn flatten(top: BorrowedFd<'_>, name: &CString, moved: &mut u64) -> io::Result<()> {
    chmodat(top, name, Mode::RWXU, AtFlags::empty())?;
    let folder = open_folder(top, name)?;
    for entry in entries(folder.as_fd())? {
        if unlink(folder.as_fd(), &entry)? {
            continue;
        }
        // A folder can get another parent only where it may itself be written.
        chmodat(&folder, &entry, Mode::RWXU, AtFlags::empty())?;
        loop {
            *moved += 1;
            match renameat_with(&folder, &entry, top, format!("moved-{moved}"), RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                result => break result?,
            }
        }
    }
    Ok(unlinkat(top, name, AtFlags::REMOVEDIR)?)
}

/// Opens a folder in a folder; never what a link points to.
pub(super) fn open_folder(parent: BorrowedFd<'_>, name: &CString) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(parent, name, flags, Mode::empty())?))
}

/// Removes what is no folder, or an empty one; `false` when it is a folder with something in it.
fn unlink(parent: BorrowedFd<'_>, name: &CString) -> io::Result<bool> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        // POSIX and Linux differ in what is said of a folder.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The names in a folder.
pub(super) fn entries(folder: BorrowedFd<'_>) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nested folders, made from the inside out so that no path gets too long.
    fn nest(top: &Path, depth: u32, mode: u32) {
        let inner = top.join("inner");
        for _ in 0..depth {
            let outer = top.join("outer");
            std::fs::create_dir(&outer).unwrap();
            if inner.exists() {
                std::fs::rename(&inner, outer.join("x")).unwrap();
            }
            std::fs::write(outer.join("file"), "").unwrap();
            std::fs::set_permissions(&outer, Permissions::from_mode(mode)).unwrap();
            std::fs::rename(&outer, &inner).unwrap();
        }
    }

    #[test]
    fn a_tree_deeper_than_any_path_may_be_is_removed() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        nest(&folder, 2500, 0o700);
        tree(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        let (folder, kept) = (outside.path().join("folder"), outside.path().join("kept"));
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&kept, folder.join("a/b/link")).unwrap();
        std::os::unix::fs::symlink(&kept, folder.join("moved-1")).unwrap();
        tree(&folder).unwrap();
        assert!(!folder.exists() && kept.join("file").exists());
    }

    #[test]
    fn permissions_keep_nothing() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        // Folders without any permission cannot be moved into one another, but this one level shows it.
        nest(&folder, 1, 0o0);
        std::fs::set_permissions(&folder, Permissions::from_mode(0o0)).unwrap();
        tree(&folder).unwrap();
        assert!(!folder.exists());
    }
}
