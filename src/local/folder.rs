//! Reads the folder and watches what it read. Every reading sets up a new set of watches, each before what it watches is
//! read: no change can fall between the two, and no watch can be left on a folder that was replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

/// A manifest beyond this size is none.
const MAX_FILE: u64 = 16 << 20;

/// Symbolic links followed from one name to a file, as in Linux.
const MAX_LINKS: usize = 40;

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// Texts of the files by paths relative to the folder; `None` for a file that cannot be read. Absent when the
    /// folder itself cannot be read.
    pub files: Option<BTreeMap<PathBuf, Option<String>>>,
    /// What could not be read or watched.
    pub problems: Vec<(Option<PathBuf>, String)>,
}

/// Which events are about what was read.
#[derive(Debug, Default)]
pub struct Interest {
    /// Folders of which everything counts.
    folders: BTreeSet<PathBuf>,
    /// Other paths: the folder's own name, targets of links.
    names: BTreeSet<PathBuf>,
}

impl Interest {
    /// Whether the event can mean another content.
    pub fn covers(&self, event: &Event) -> bool {
        let changes = match event.kind {
            EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
            _ => true,
        };
        let concerns = |path: &PathBuf| {
            self.names.contains(path)
                || self.folders.contains(path)
                || path.parent().is_some_and(|parent| self.folders.contains(parent))
        };
        changes && (event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(concerns))
    }
}

/// Reads the manifests in `root`, a folder or a single file, without watching.
pub fn read(root: &Path) -> Snapshot {
    Reader { root, watcher: None, watched: BTreeSet::new(), interest: Interest::default(), problems: Vec::new() }
        .run()
        .0
}

/// Reads the manifests in `root` and watches them with `watcher`, which must be new.
pub fn read_and_watch(root: &Path, watcher: &mut RecommendedWatcher) -> (Snapshot, Interest) {
    let watcher = Some(watcher);
    Reader { root, watcher, watched: BTreeSet::new(), interest: Interest::default(), problems: Vec::new() }.run()
}

struct Reader<'a> {
    root: &'a Path,
    watcher: Option<&'a mut RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    interest: Interest,
    problems: Vec<(Option<PathBuf>, String)>,
}

impl Reader<'_> {
    fn run(mut self) -> (Snapshot, Interest) {
        self.watch_way_to_root();
        let mut files = BTreeMap::new();
        let found = match std::fs::metadata(self.root) {
            Ok(metadata) if metadata.is_file() => {
                let name = self.root.file_name().map(PathBuf::from).unwrap_or_default();
                let text = self.read_file(self.root, &name);
                files.insert(name, text);
                true
            }
            Ok(_) => self.visit(self.root, Path::new(""), &mut files),
            Err(error) => {
                self.problems.push((None, format!("{}: {error}; what it held is kept", self.root.display())));
                false
            }
        };
        (Snapshot { files: found.then_some(files), problems: self.problems }, self.interest)
    }

    /// Sees the folder vanish, return, or be replaced: watches each link on the way to it, and its last parent that
    /// exists.
    fn watch_way_to_root(&mut self) {
        let ancestors: Vec<_> = self.root.ancestors().map(Path::to_owned).collect();
        for (i, path) in ancestors.iter().enumerate() {
            let Some(parent) = ancestors.get(i + 1) else { continue };
            let kind = path.symlink_metadata().map(|metadata| metadata.file_type());
            let last_missing = kind.is_err() && parent.exists();
            if i == 0 && parent.exists() || last_missing || kind.is_ok_and(|kind| kind.is_symlink()) {
                self.watch_name(path);
            }
        }
    }

    /// Reads one folder; whether it could be listed.
    fn visit(&mut self, path: &Path, relative: &Path, files: &mut BTreeMap<PathBuf, Option<String>>) -> bool {
        let Ok(folder) = path.canonicalize() else { return false };
        if !self.interest.folders.insert(folder.clone()) {
            return true; // A link back into what is being read.
        }
        self.watch(&folder);
        let entries = match std::fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => {
                self.problems.push((Some(relative.to_owned()), format!("cannot be listed: {error}")));
                return false;
            }
        };
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
        names.sort();
        let mut complete = true;
        for name in names.iter().filter(|name| !name.to_string_lossy().starts_with('.')) {
            let (path, relative) = (path.join(name), relative.join(name));
            match std::fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => complete &= self.visit(&path, &relative, files),
                _ if is_manifest(&path) => {
                    let text = self.read_file(&path, &relative);
                    files.insert(relative, text);
                }
                _ => {}
            }
        }
        complete
    }

    fn read_file(&mut self, path: &Path, relative: &Path) -> Option<String> {
        self.watch_links(path);
        let refuse = |message: String| (Some(relative.to_owned()), message);
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return None,
            Ok(metadata) if metadata.len() > MAX_FILE => {
                self.problems.push(refuse("is larger than 16 MiB".into()));
                return None;
            }
            _ => {}
        }
        match std::fs::read_to_string(path) {
            Ok(text) => Some(text),
            Err(error) => {
                self.problems.push(refuse(format!("cannot be read: {error}")));
                None
            }
        }
    }

    /// Sees the file behind a link change, and every link on the way to it.
    fn watch_links(&mut self, path: &Path) {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            let Ok(target) = std::fs::read_link(&path) else { return };
            path = path.parent().map(|parent| parent.join(&target)).unwrap_or(target);
            self.watch_name(&path);
        }
    }

    /// Watches the folder that holds this name, for this name only.
    fn watch_name(&mut self, path: &Path) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return };
        if let Ok(parent) = parent.canonicalize() {
            self.interest.names.insert(parent.join(name));
            self.watch(&parent);
        }
    }

    fn watch(&mut self, folder: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        if self.watched.insert(folder.to_owned())
            && let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
        {
            self.problems.push((None, format!("changes in {} are not seen: {error}", folder.display())));
        }
    }
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The path from the root of the file system, without `.` and without following links: where the user looks for it,
/// whatever is linked there later.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    Ok(path.components().filter(|component| *component != Component::CurDir).collect())
}
