//! Which program a command is: decided once, when the whitelist is read, and only among programs that nobody who runs
//! commands can replace.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Where commands are looked for by name, in this order.
pub const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];

/// Symbolic links followed from one path to a file, as in Linux.
const MAX_LINKS: usize = 40;

/// What a command is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executable {
    /// A program of the system. The path is kept as it was found, because programs such as busybox go by the name they
    /// are called under; nobody can change where it leads.
    File(PathBuf),
    /// One of our own.
    BuiltIn(BuiltIn),
}

/// Programs that we bring along for images that have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    /// jq programs over JSON.
    Jq,
    /// jq programs over YAML.
    Yq,
}

impl BuiltIn {
    /// Its name, as a command and as an argument of our own executable.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jq => "jq",
            Self::Yq => "yq",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Jq, Self::Yq].into_iter().find(|built_in| built_in.name() == name)
    }
}

/// Why a program is not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// It is nowhere; the text says where it was looked for.
    Missing(String),
    /// It could be replaced, or is no program; the text says what and why.
    Unsafe(String),
}

/// Finds programs.
#[derive(Debug, Clone)]
pub struct Finder {
    folders: Vec<PathBuf>,
    user: User,
}

/// Who must not be able to replace a program.
#[derive(Debug, Clone)]
pub struct User {
    uid: u32,
    groups: Vec<u32>,
    /// What this user can write is this user's own decision: a person on their own machine.
    trusted: bool,
}

impl User {
    /// The user of this process. `trusted`: it runs commands of its own choice.
    pub fn of_process(trusted: bool) -> Self {
        let (uid, groups) = ids();
        Self { uid, groups, trusted: trusted || uid == 0 }
    }
}

#[cfg(target_os = "linux")]
fn ids() -> (u32, Vec<u32>) {
    use rustix::process::{getegid, geteuid, getgroups};
    let mut groups: Vec<u32> = getgroups().unwrap_or_default().into_iter().map(rustix::fs::Gid::as_raw).collect();
    groups.push(getegid().as_raw());
    (geteuid().as_raw(), groups)
}

/// There is no sandbox elsewhere, so that nothing is run.
#[cfg(not(target_os = "linux"))]
fn ids() -> (u32, Vec<u32>) {
    (u32::MAX, Vec::new())
}

impl Finder {
    /// Looks in [`FOLDERS`].
    pub fn new(user: User) -> Self {
        Self { folders: FOLDERS.map(PathBuf::from).to_vec(), user }
    }

    /// Looks in no folder, so that nothing depends on the machine.
    #[cfg(test)]
    pub(crate) fn without_folders(self) -> Self {
        Self { folders: Vec::new(), ..self }
    }

    /// The program of a command: this path, or the command's name where that is a path, or the first of the folders that
    /// has the name.
    pub fn find(&self, command: &str, path: Option<&Path>) -> Result<Executable, Unusable> {
        let named = Path::new(command);
        if let Some(path) = path.or_else(|| named.is_absolute().then_some(named)) {
            return match self.examine(path) {
                Ok(()) => Ok(Executable::File(path.to_owned())),
                Err(Flaw::Missing) => Err(Unusable::Missing(path.display().to_string())),
                Err(Flaw::Unsafe(why)) => Err(Unusable::Unsafe(why)),
            };
        }
        for path in self.folders.iter().map(|folder| folder.join(command)) {
            match self.examine(&path) {
                Ok(()) => return Ok(Executable::File(path)),
                Err(Flaw::Missing) => {}
                // The next folder's would be another program than the one that people see first.
                Err(Flaw::Unsafe(why)) => return Err(Unusable::Unsafe(why)),
            }
        }
        let folders = self.folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        BuiltIn::of_name(command).map(Executable::BuiltIn).ok_or(Unusable::Missing(folders))
    }

    /// Walks to the file as the kernel does, looking at every folder and link on the way.
    fn examine(&self, path: &Path) -> Result<(), Flaw> {
        let mut todo: Vec<OsString> = parts(path);
        let mut at = PathBuf::from("/");
        self.check(&at, &metadata(&at)?)?;
        let mut links = 0;
        while let Some(name) = todo.pop() {
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            let found = metadata(&next)?;
            if found.is_symlink() {
                // In a folder that everybody shares, a link is its owner's to change.
                if found.uid() == self.user.uid && !self.user.trusted {
                    return Err(Flaw::Unsafe(format!("{} is a link of the user of this process", next.display())));
                }
                links += 1;
                let target = std::fs::read_link(&next).map_err(|error| unreadable(&next, &error))?;
                if links > MAX_LINKS {
                    return Err(Flaw::Unsafe(format!("{} leads through too many links", path.display())));
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                todo.extend(parts(&target));
                continue;
            }
            self.check(&next, &found)?;
            at = next;
        }
        let found = metadata(&at)?;
        if !found.is_file() {
            return Err(Flaw::Unsafe(format!("{} is no file", at.display())));
        }
        if found.mode() & 0o111 == 0 {
            return Err(Flaw::Unsafe(format!("{} is not executable", at.display())));
        }
        Ok(())
    }

    /// Whether nobody who runs commands can write to it.
    fn check(&self, path: &Path, found: &Metadata) -> Result<(), Flaw> {
        let (mode, user) = (found.mode(), &self.user);
        // In a sticky folder, such as /tmp, everybody can add names, and nobody can replace another's (chmod(2)).
        let shared = found.is_dir() && mode & 0o1000 != 0;
        let who = if mode & 0o002 != 0 && !shared {
            "everybody"
        } else if mode & 0o020 != 0 && !shared && user.groups.contains(&found.gid()) && !user.trusted {
            "the group that this process belongs to"
        // An owner can make it writable at any time.
        } else if found.uid() == user.uid && !user.trusted {
            "the user that this process runs as"
        } else {
            return Ok(());
        };
        // As a mounted ConfigMap is, whatever its mode says.
        if is_read_only(path) {
            return Ok(());
        }
        Err(Flaw::Unsafe(format!("{} can be changed by {who}", path.display())))
    }
}

/// What is wrong with a path.
enum Flaw {
    Missing,
    Unsafe(String),
}

/// The names on the way, last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

fn metadata(path: &Path) -> Result<Metadata, Flaw> {
    path.symlink_metadata().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Flaw::Missing,
        _ => unreadable(path, &error),
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Flaw {
    Flaw::Unsafe(format!("{}: {error}", path.display()))
}

#[cfg(target_os = "linux")]
fn is_read_only(path: &Path) -> bool {
    use rustix::fs::{StatVfsMountFlags, statvfs};
    statvfs(path).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(not(target_os = "linux"))]
fn is_read_only(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
