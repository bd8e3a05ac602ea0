//! Programs in folders of this test, which everybody's temporary folder is above of: so the checks look at what is
//! below it, as the user that the test says.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

/// A user that owns nothing here and is in no group.
const STRANGER: u32 = 4_000_000_000;

fn stranger() -> User {
    User { uid: STRANGER, groups: Vec::new(), trusted: false }
}

/// A root of the system's own, in which tests make what they need: nobody but its owner can write to it.
struct Place(TempDir);

impl Place {
    /// Below the build's folder, because everybody can write to the temporary one.
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        Self(TempDir::new_in(folder).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn folder(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
        symlink(target, self.path(name)).unwrap();
        self.path(name)
    }

    fn finder(&self, user: User) -> Finder {
        Finder { folders: vec![self.path("first"), self.path("second")], user }
    }
}

fn why(found: Result<Executable, Unusable>) -> String {
    match found {
        Err(Unusable::Unsafe(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_folder_that_has_the_name_counts() {
    let place = Place::new();
    let finder = place.finder(stranger());
    assert!(matches!(finder.find("tool", None), Err(Unusable::Missing(looked)) if looked.contains("first, ")));
    place.folder("second", 0o755);
    let second = place.file("second/tool", 0o755);
    assert_eq!(finder.find("tool", None), Ok(Executable::File(second)));
    place.folder("first", 0o755);
    let first = place.file("first/tool", 0o755);
    assert_eq!(finder.find("tool", None), Ok(Executable::File(first)));
    // A path is taken as it is, and never replaced by what happens to be called the same.
    let named = place.file("elsewhere", 0o755);
    assert_eq!(finder.find("tool", Some(&named)), Ok(Executable::File(named.clone())));
    assert_eq!(finder.find(named.to_str().unwrap(), None), Ok(Executable::File(named)));
    assert!(matches!(finder.find("tool", Some(&place.path("none"))), Err(Unusable::Missing(_))));
}

#[test]
fn a_built_in_stands_in_only_where_there_is_no_program() {
    let place = Place::new();
    let finder = place.finder(stranger());
    assert_eq!(finder.find("jq", None), Ok(Executable::BuiltIn(BuiltIn::Jq)));
    assert_eq!(finder.find("yq", None), Ok(Executable::BuiltIn(BuiltIn::Yq)));
    assert!(matches!(finder.find("jq", Some(Path::new("/none/jq"))), Err(Unusable::Missing(_))));
    place.folder("first", 0o755);
    let jq = place.file("first/jq", 0o755);
    assert_eq!(finder.find("jq", None), Ok(Executable::File(jq)));
    // What is broken is said, not papered over.
    place.file("first/yq", 0o644);
    assert!(why(finder.find("yq", None)).ends_with("yq is not executable"));
}

#[test]
fn what_somebody_could_replace_is_refused() {
    let place = Place::new();
    let finder = place.finder(stranger());
    let find = |path: &Path| why(finder.find("tool", Some(path)));
    assert!(find(&place.file("open", 0o757)).ends_with("open can be changed by everybody"));
    assert!(find(&place.file("plain", 0o644)).ends_with("plain is not executable"));
    assert!(find(&place.folder("folder", 0o755)).ends_with("folder is no file"));
    place.folder("shared", 0o777);
    assert!(find(&place.file("shared/tool", 0o755)).ends_with("shared can be changed by everybody"));
    // Through a link, from a safe place to an unsafe one and back.
    let link = place.link("link", "shared/tool");
    assert!(find(&link).ends_with("shared can be changed by everybody"));
    let safe = place.file("safe", 0o755);
    let back = place.link("shared/back", "../safe");
    assert!(find(&back).ends_with("shared can be changed by everybody"));
    let good = place.link("good", "./shared/../safe");
    assert!(find(&good).ends_with("shared can be changed by everybody"));
    assert_eq!(finder.find("tool", Some(&safe)), Ok(Executable::File(safe)));
    place.link("loop", "loop");
    assert!(find(&place.path("loop")).ends_with("leads through too many links"));
}

#[test]
fn links_between_safe_places_are_followed_and_the_name_is_kept() {
    let place = Place::new();
    place.folder("first", 0o755);
    place.file("first/busybox", 0o755);
    let link = place.link("first/sed", "busybox");
    let absolute = place.link("first/awk", link.clone());
    let finder = place.finder(stranger());
    assert_eq!(finder.find("sed", None), Ok(Executable::File(link)));
    assert_eq!(finder.find("awk", None), Ok(Executable::File(absolute)));
}

#[test]
fn owner_and_group_count_unless_they_are_trusted() {
    let place = Place::new();
    let tool = place.file("tool", 0o775);
    let found = tool.metadata().unwrap();
    let with = |uid, groups: &[u32], trusted| {
        place.finder(User { uid, groups: groups.to_vec(), trusted }).find("tool", Some(&tool))
    };
    assert!(why(with(found.uid(), &[], false)).ends_with("can be changed by the user that this process runs as"));
    let by_group = why(with(STRANGER, &[1, found.gid()], false));
    assert!(by_group.ends_with("can be changed by the group that this process belongs to"), "{by_group}");
    assert!(with(STRANGER, &[STRANGER], false).is_ok());
    assert!(with(found.uid(), &[found.gid()], true).is_ok());
}

#[test]
fn in_a_sticky_folder_what_belongs_to_others_cannot_be_replaced() {
    let place = Place::new();
    let shared = place.folder("shared", 0o1777);
    fs::create_dir(shared.join("mine")).unwrap();
    let program = place.file("shared/mine/program", 0o755);
    let find = |user| Finder { folders: Vec::new(), user }.find("program", Some(&program));
    assert_eq!(find(stranger()), Ok(Executable::File(program.clone())));
    let owner = User { uid: program.metadata().unwrap().uid(), ..stranger() };
    assert!(matches!(find(owner), Err(Unusable::Unsafe(_))));
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    assert!(why(find(stranger())).ends_with("shared can be changed by everybody"));
}
