//! What a loss of power leaves at every moment. A killed process leaves the page cache intact, so that killing shows
//! nothing about the order of write, sync, rename and sync of the folder. Here every call is recorded, and a model of a
//! volume says what may be left of it: names and bytes last for certain only once they were synced, and before that the
//! names may last without the bytes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::*;

/// A call, or something that the test says.
#[derive(Debug, Clone)]
enum Step {
    CreateDir(PathBuf),
    CreateFile(PathBuf),
    Write(PathBuf, Vec<u8>),
    SyncFile(PathBuf),
    Rename(PathBuf, PathBuf),
    SyncDir(PathBuf),
    RemoveFile(PathBuf),
    RemoveDir(PathBuf),
    /// A store of this key has succeeded.
    Promised(ArtifactKey),
    /// A deletion of this key has begun.
    Deleting(ArtifactKey),
}

impl Step {
    fn of(op: &Op<'_>) -> Option<Self> {
        Some(match *op {
            Op::CreateDir(path) => Self::CreateDir(path.into()),
            Op::CreateFile(path) => Self::CreateFile(path.into()),
            Op::Write(path, bytes) => Self::Write(path.into(), bytes.into()),
            Op::SyncFile(path) => Self::SyncFile(path.into()),
            Op::Rename(from, to) => Self::Rename(from.into(), to.into()),
            Op::SyncDir(path) => Self::SyncDir(path.into()),
            Op::RemoveFile(path) => Self::RemoveFile(path.into()),
            Op::RemoveDir(path) => Self::RemoveDir(path.into()),
            Op::Open(_) | Op::Read(_) => return None,
        })
    }
}

type Lie = fn(&Step) -> bool;

/// Records all steps, and from some step on lets every call fail, as if the process were gone.
#[derive(Default)]
struct Recorder {
    steps: Mutex<Vec<Step>>,
    killed_at: Option<usize>,
    /// Steps that are not recorded: syncs that the disk only pretends to do.
    lies: Option<Lie>,
}

impl Recorder {
    fn observer(self: &Arc<Self>, of: usize) -> Arc<Observer> {
        let recorder = Arc::clone(self);
        Arc::new(move |op| {
            let mut steps = recorder.steps.lock().unwrap();
            let Some(step) = Step::of(&op) else { return Ok(()) };
            // The second process goes on where the first one was killed.
            if of == 0 && recorder.killed_at.is_some_and(|at| steps.len() >= at) {
                return Err(errno(5));
            }
            if !recorder.lies.is_some_and(|is_lie| is_lie(&step)) {
                steps.push(step);
            }
            Ok(())
        })
    }

    fn say(&self, step: Step) {
        self.steps.lock().unwrap().push(step);
    }

    fn steps(&self) -> Vec<Step> {
        self.steps.lock().unwrap().clone()
    }
}

/// What a loss of power leaves of what was not synced.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// Nothing.
    Everything,
    /// Names, but not the bytes behind them.
    Bytes,
    /// Old names beside new ones, but not the bytes behind them.
    Removals,
    /// Everything: it comes a moment later.
    Nothing,
}

const LOSSES: [Loss; 4] = [Loss::Everything, Loss::Bytes, Loss::Removals, Loss::Nothing];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
}

/// A volume as its file system has it, now and for certain.
#[derive(Default)]
struct Model {
    now: BTreeMap<PathBuf, Node>,
    synced: BTreeMap<PathBuf, Node>,
    contents: Vec<Content>,
}

impl Model {
    fn apply(&mut self, step: &Step) {
        match step {
            Step::CreateDir(path) => drop(self.now.entry(path.clone()).or_insert(Node::Folder)),
            Step::CreateFile(path) => {
                self.contents.push(Content::default());
                self.now.insert(path.clone(), Node::File(self.contents.len() - 1));
            }
            Step::Write(path, bytes) => self.content(path).now.extend(bytes),
            Step::SyncFile(path) => {
                let content = self.content(path);
                content.synced = content.now.clone();
            }
            Step::Rename(from, to) => {
                let node = self.now.remove(from).unwrap();
                self.now.insert(to.clone(), node);
            }
            Step::SyncDir(folder) => {
                self.synced.retain(|path, _| path.parent() != Some(folder));
                let inside = self.now.iter().filter(|(path, _)| path.parent() == Some(folder));
                self.synced.extend(inside.map(|(path, node)| (path.clone(), *node)));
            }
            Step::RemoveFile(path) => drop(self.now.remove(path)),
            Step::RemoveDir(path) => {
                if !self.now.keys().any(|other| other.parent() == Some(path)) {
                    self.now.remove(path);
                }
            }
            Step::Promised(_) | Step::Deleting(_) => {}
        }
    }

    fn content(&mut self, path: &Path) -> &mut Content {
        let Some(Node::File(number)) = self.now.get(path) else { panic!("{} is no file", path.display()) };
        &mut self.contents[*number]
    }

    /// Makes below `target` what is left of what was below `root`.
    fn leave(&self, loss: Loss, root: &Path, target: &Path) {
        let mut names = self.synced.clone();
        match loss {
            Loss::Everything => {}
            Loss::Bytes | Loss::Nothing => names = self.now.clone(),
            Loss::Removals => names.extend(self.now.clone()),
        }
        // In their order, folders come before what is in them; what is in a folder without a name is lost with it.
        for (path, node) in names {
            let path = target.join(path.strip_prefix(root).unwrap());
            if !path.parent().unwrap().is_dir() {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir(path).unwrap(),
                Node::File(number) => {
                    let content = &self.contents[number];
                    fs::write(path, if matches!(loss, Loss::Nothing) { &content.now } else { &content.synced })
                        .unwrap();
                }
            }
        }
    }
}

fn contents() -> &'static [(ArtifactKey, Spool); 4] {
    static CONTENTS: LazyLock<[(ArtifactKey, Spool); 4]> = LazyLock::new(|| {
        // Two writes.
        let large = vec![7; 270_000];
        [("one", &b"first"[..]), ("one", b"second"), ("two", &large), ("one", b"")]
            .map(|(name, bytes)| archive(name, bytes))
    });
    &CONTENTS
}

/// Stores, deletes and stores again, as far as the volume lets it.
async fn work(root: &Path, recorder: &Arc<Recorder>, process: usize) {
    let disk = Disk::observed(recorder.observer(process));
    let Ok(storage) = FilesystemStorage::open_on(settings(root), disk).await else { return };
    let contents = contents();
    for (key, content) in contents {
        if storage.store(key, content).await.is_ok() {
            recorder.say(Step::Promised(key.clone()));
        }
    }
    let (key, content) = &contents[2];
    recorder.say(Step::Deleting(key.clone()));
    let _ = storage.delete(key).await;
    if storage.store(key, content).await.is_ok() {
        recorder.say(Step::Promised(key.clone()));
    }
}

/// What is wrong with what a loss of power after these steps leaves.
async fn judge(steps: &[Step], root: &Path, loss: Loss) -> Result<(), String> {
    let (mut model, mut promised) = (Model::default(), Vec::new());
    for step in steps {
        model.apply(step);
        match step {
            Step::Promised(key) => promised.push(key.clone()),
            Step::Deleting(key) => promised.retain(|promised| promised != key),
            _ => {}
        }
    }
    let folder = temporary();
    model.leave(loss, root, folder.path());
    let storage = FilesystemStorage::open(settings(folder.path())).await.map_err(|error| error.to_string())?;
    for key in &promised {
        if !is_sound(&storage, key).await {
            return Err(format!("{key} was promised and is lost"));
        }
    }
    for stored in storage.list(Scope::All, None).await.unwrap().entries {
        if storage.verify(&stored.key).await.unwrap() != Integrity::Sound {
            return Err(format!("{} is damaged", stored.key));
        }
    }
    if let left @ [_, ..] = &*unfinished(folder.path()) {
        return Err(format!("{left:?} are left"));
    }
    for (key, content) in contents() {
        storage.store(key, content).await.map_err(|error| error.to_string())?;
        if !is_sound(&storage, key).await {
            return Err(format!("{key} cannot be stored again"));
        }
    }
    Ok(())
}

/// What goes wrong when power is lost after any of the steps.
async fn first_fault(steps: &[Step], root: &Path) -> Option<String> {
    for end in 0..=steps.len() {
        for loss in LOSSES {
            if let Err(why) = judge(&steps[..end], root, loss).await {
                return Some(format!("{loss:?} lost after {:#?}: {why}", &steps[..end]));
            }
        }
    }
    None
}

async fn recorded(recorder: Recorder) -> (Vec<Step>, TempDir) {
    let (folder, recorder) = (temporary(), Arc::new(recorder));
    work(folder.path(), &recorder, 0).await;
    (recorder.steps(), folder)
}

#[tokio::test]
async fn whatever_is_promised_survives_a_loss_of_power_at_any_moment_and_nothing_is_ever_damaged() {
    let (steps, folder) = recorded(Recorder::default()).await;
    assert!(steps.len() > 40, "{steps:#?}");
    assert_eq!(first_fault(&steps, folder.path()).await, None);
}

#[tokio::test]
async fn what_a_killed_process_left_is_made_to_last_before_it_is_promised() {
    let (all, _) = recorded(Recorder::default()).await;
    for killed_at in 0..all.len() {
        let (folder, recorder) =
            (temporary(), Arc::new(Recorder { killed_at: Some(killed_at), ..Recorder::default() }));
        for process in 0..2 {
            work(folder.path(), &recorder, process).await;
        }
        let steps = recorder.steps();
        for loss in LOSSES {
            assert_eq!(judge(&steps, folder.path(), loss).await, Ok(()), "{killed_at} {loss:?}");
        }
    }
}

#[tokio::test]
async fn a_disk_that_only_pretends_to_sync_is_found_out_by_these_tests() {
    let lies: [(&str, Lie); 4] = [
        ("files", |step| matches!(step, Step::SyncFile(_))),
        ("folders", |step| matches!(step, Step::SyncDir(_))),
        ("folders of archives", |step| matches!(step, Step::SyncDir(path) if path.ends_with("team-a/one"))),
        ("folders of folders", |step| matches!(step, Step::SyncDir(path) if path.ends_with("team-a"))),
    ];
    for (what, lie) in lies {
        let (steps, folder) = recorded(Recorder { lies: Some(lie), ..Recorder::default() }).await;
        assert!(first_fault(&steps, folder.path()).await.is_some(), "{what}");
    }
}
