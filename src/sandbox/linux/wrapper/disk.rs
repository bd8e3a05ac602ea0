//! How much is in the program's folder.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use rustix::fs::{AtFlags, FileType, statat};

use crate::sandbox::linux::remove::{entries, open_folder};

/// Least that a file or folder counts for: what file systems need for a name, so that many empty files are not free.
const LEAST: u64 = 4096;

/// Depth that no honest program needs. Each level costs a descriptor while it is counted.
const DEEPEST: usize = 64;

/// Bytes in a folder, up to a bit more than `limit`. More than that too when there is a folder that cannot be looked
/// into, or one that is too deep.
pub(super) fn usage(folder: &File, limit: u64) -> u64 {
    let Ok(names) = entries(folder.as_fd()) else { return u64::MAX };
    let Ok(top) = folder.try_clone() else { return u64::MAX };
    let mut used = 0_u64;
    let mut levels = vec![(top, names)];
    while let Some((folder, names)) = levels.last_mut() {
        let Some(name) = names.pop() else {
            levels.pop();
            continue;
        };
        match look(folder.as_fd(), &name) {
            Ok((bytes, inner)) => {
                used = used.saturating_add(bytes);
                levels.extend(inner);
            }
            // Removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => return u64::MAX,
        }
        if used > limit {
            return used;
        }
        if levels.len() > DEEPEST {
            return u64::MAX;
        }
    }
    used
}

/// A folder that is looked through, and the names in it that have not been seen yet.
type Level = (File, Vec<CString>);

/// What a name counts for, and the folder that it may be.
fn look(parent: BorrowedFd<'_>, name: &CString) -> io::Result<(u64, Option<Level>)> {
    let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    // In units of 512 bytes, whatever the file system's blocks are: stat(2). Holes in files take no place.
    let bytes = u64::try_from(stat.st_blocks).unwrap_or_default().saturating_mul(512).max(LEAST);
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Ok((bytes, None));
    }
    let folder = open_folder(parent, name)?;
    let names = entries(folder.as_fd())?;
    Ok((bytes, Some((folder, names))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_by_what_they_take() {
        let folder = tempfile::tempdir().unwrap();
        let opened = File::open(folder.path()).unwrap();
        assert_eq!(usage(&opened, u64::MAX), 0);
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/full"), vec![1; 1 << 20]).unwrap();
        File::create(folder.path().join("sparse")).unwrap().set_len(1 << 30).unwrap();
        std::os::unix::fs::symlink("/usr", folder.path().join("link")).unwrap();
        let used = usage(&opened, u64::MAX);
        assert!(((1 << 20) + 4 * LEAST..1 << 21).contains(&used), "{used}");
    }

    #[test]
    fn empty_files_are_not_free() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..100 {
            File::create(folder.path().join(number.to_string())).unwrap();
        }
        assert_eq!(usage(&File::open(folder.path()).unwrap(), u64::MAX), 100 * LEAST);
    }

    #[test]
    fn what_is_too_deep_is_too_much() {
        let folder = tempfile::tempdir().unwrap();
        let deep = |depth| ["x"].repeat(depth).join("/");
        std::fs::create_dir_all(folder.path().join(deep(DEEPEST - 1))).unwrap();
        let opened = File::open(folder.path()).unwrap();
        assert!(usage(&opened, u64::MAX) < u64::MAX);
        std::fs::create_dir_all(folder.path().join(deep(DEEPEST))).unwrap();
        assert_eq!(usage(&opened, u64::MAX), u64::MAX);
    }
}
