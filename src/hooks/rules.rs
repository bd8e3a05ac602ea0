//! The whitelist in force: read at the start and whenever its file changes. A file that cannot be used changes nothing,
//! and is said in the log and to whoever asks.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::whitelist::{Finder, MAX_FILE, Whitelist, WhitelistError};

/// The file is read this long after its last change: a ConfigMap's update is a handful of them.
const QUIET: Duration = Duration::from_millis(100);

/// It is read at the latest after this, however busy the folder is.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the file is looked at without a sign of change: it may be a link to where nobody watches, and the watch
/// may not be possible.
const PERIOD: Duration = Duration::from_secs(30);

/// The whitelist in force. `Rules::none()` allows nothing and never changes.
#[derive(Debug)]
pub struct Rules {
    file: Option<(PathBuf, Finder)>,
    whitelist: ArcSwap<Whitelist>,
    /// Held for as long as reading takes, so that what was read first is not in force last.
    reading: Mutex<()>,
    /// Held for moments, also by who must not wait.
    read: Mutex<LastRead>,
}

/// What was found when the file was last read.
#[derive(Debug, Default)]
struct LastRead {
    /// Whether the file could ever be used.
    used: bool,
    text: Option<String>,
    problem: Option<String>,
}

impl Rules {
    /// Nothing is allowed.
    pub fn none() -> Self {
        Self { file: None, whitelist: ArcSwap::default(), reading: Mutex::default(), read: Mutex::default() }
    }

    /// Reads a file. When it cannot be used, nothing is allowed until it can: what needs no command works all the same.
    pub fn open(path: impl Into<PathBuf>, finder: Finder) -> Self {
        let rules = Self { file: Some((path.into(), finder)), ..Self::none() };
        rules.reload();
        rules
    }

    /// The whitelist in force.
    pub fn current(&self) -> Arc<Whitelist> {
        self.whitelist.load_full()
    }

    /// Why the file is not what is in force; `None` when it is.
    pub fn problem(&self) -> Option<String> {
        self.last_read().problem.clone()
    }

    /// Why nothing is in force: no file could be used yet. `None` once one was, whatever became of it, and where there is
    /// to be none.
    pub fn unusable(&self) -> Option<String> {
        let last = self.last_read();
        if last.used { None } else { last.problem.clone() }
    }

    /// Reads the file again. Does nothing when it has not changed.
    pub fn reload(&self) {
        let Some((path, finder)) = &self.file else { return };
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let text = read(path);
        if text.as_ref().is_ok_and(|text| self.last_read().text.as_ref() == Some(text)) {
            return;
        }
        // A thousand patterns take a while to compile.
        let parsed = text.and_then(|text| Ok((Whitelist::parse(&text, finder)?, text)));
        let mut last = self.last_read();
        match parsed {
            Ok((whitelist, text)) => {
                for (_, warning) in whitelist.warnings() {
                    tracing::warn!(whitelist = %path.display(), "{warning}");
                }
                tracing::info!(whitelist = %path.display(), commands = whitelist.len(), "the whitelist is in force");
                self.whitelist.store(Arc::new(whitelist));
                *last = LastRead { used: true, text: Some(text), problem: None };
            }
            Err(error) => {
                let kept = if last.used { "the old rules stay in force" } else { "nothing is allowed" };
                let problem = format!("{} {error}; {kept}", path.display());
                if last.problem.as_ref() != Some(&problem) {
                    tracing::error!("the whitelist {problem}");
                }
                // Read anew as soon as it is whole again, also when it then says what it said before.
                *last = LastRead { text: None, problem: Some(problem), ..*last };
            }
        }
    }

    /// Reads the file whenever it changes, until `shutdown`.
    pub async fn follow(self: Arc<Self>, shutdown: CancellationToken) {
        let Some((path, _)) = &self.file else { return };
        let mut watch = Watch::start(path);
        // What changed before the watch began.
        self.reload_elsewhere().await;
        while shutdown.run_until_cancelled(watch.changed()).await.is_some() {
            self.reload_elsewhere().await;
            watch.renew(path);
        }
    }

    async fn reload_elsewhere(self: &Arc<Self>) {
        let rules = Arc::clone(self);
        // Fails only when it panics, which leaves the old rules.
        let _ = tokio::task::spawn_blocking(move || rules.reload()).await;
    }

    fn last_read(&self) -> std::sync::MutexGuard<'_, LastRead> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path) -> Result<String, WhitelistError> {
    let unreadable = |error: &io::Error| WhitelistError::Unreadable(error.to_string());
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let mut text = String::new();
    file.take(MAX_FILE as u64 + 1).read_to_string(&mut text).map_err(|error| unreadable(&error))?;
    Ok(text)
}

/// Watches the folder and not the file: a ConfigMap's file is a link through another link, which is replaced.
struct Watch {
    changes: Receiver<()>,
    watcher: Option<RecommendedWatcher>,
}

impl Watch {
    fn start(path: &Path) -> Self {
        // One pending sign is enough: it stands for everything since.
        let (sender, changes) = channel(1);
        let signal = move |event: notify::Result<Event>| {
            if !event.is_ok_and(|event| is_reading(event.kind)) {
                let _ = sender.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(signal).and_then(|mut watcher| {
            watcher.watch(folder(path), RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        if let Err(error) = &watcher {
            let seconds = PERIOD.as_secs();
            tracing::warn!(%error, "changes of the whitelist are not seen at once, but every {seconds} seconds");
        }
        Self { changes, watcher: watcher.ok() }
    }

    /// Waits until something changed and the folder has been quiet since, or it is time to look anyway.
    async fn changed(&mut self) {
        let look = Instant::now() + PERIOD;
        if !matches!(timeout_at(look, self.changes.recv()).await, Ok(Some(()))) {
            // Without a watcher the channel is closed, and would say so at once.
            tokio::time::sleep_until(look).await;
            return;
        }
        let patience = Instant::now() + PATIENCE;
        let mut quiet = Instant::now() + QUIET;
        while let Ok(Some(())) = timeout_at(quiet.min(patience), self.changes.recv()).await {
            quiet = Instant::now() + QUIET;
        }
    }

    /// Tries again where there was nothing to watch.
    fn renew(&mut self, path: &Path) {
        if self.watcher.is_none() && folder(path).is_dir() {
            *self = Self::start(path);
        }
    }
}

/// Whether somebody looks without changing anything, as we do after every change.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
