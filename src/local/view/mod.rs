//! What happens, for people: a table that is drawn over itself on a terminal, lines elsewhere.

mod columns;
mod detail;
mod plain;
mod table;
mod text;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
};
use crossterm::{cursor, queue};
use k8s_openapi::jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::plain::Lines;
pub use self::table::{Screen, render};
use super::files::Problem;
use crate::activity::Activities;

/// Ten frames a second are as many as people can follow.
const FRAME: Duration = Duration::from_millis(100);

/// How often the ages in the table are looked at while nothing changes; what looks the same is not drawn.
const IDLE: Duration = Duration::from_secs(1);

/// Taken when the terminal does not tell its size.
const SIZE: (u16, u16) = (80, 24);

/// How to show what happens.
#[derive(Debug)]
pub struct Output {
    live: bool,
    problems: watch::Receiver<Arc<Vec<Problem>>>,
}

impl Output {
    /// The table when standard output is a terminal and `plain` is not set, else lines. `problems` are those of
    /// [`LocalCatalog::problems`](super::LocalCatalog::problems).
    pub fn detect(plain: bool, problems: watch::Receiver<Arc<Vec<Problem>>>) -> Self {
        Self { live: is_live(plain), problems }
    }
}

/// Whether the table takes the whole terminal.
fn is_live(plain: bool) -> bool {
    !plain && io::stdout().is_terminal()
}

/// Whether what is written to standard error would land in the midst of the table.
pub fn hides_stderr(plain: bool) -> bool {
    is_live(plain) && io::stderr().is_terminal()
}

/// Shows what happens until `stop`, and the last state after it. Ends early when standard output is closed.
pub async fn show(activities: Arc<Activities>, output: Output, stop: CancellationToken) {
    let result = if output.live {
        draw(&activities, output.problems, &stop).await
    } else {
        print(&activities, output.problems, &stop).await
    };
    if let Err(error) = result {
        tracing::debug!(%error, "standard output is gone");
    }
}

async fn print(
    activities: &Activities,
    mut problems: watch::Receiver<Arc<Vec<Problem>>>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut changes = activities.changes();
    let mut lines = Lines::default();
    loop {
        let ending = stop.is_cancelled();
        let (found, rows) = (Arc::clone(&problems.borrow_and_update()), activities.all());
        write(lines.changes(&rows, &found)).await?;
        if ending {
            return Ok(());
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Ok(()) = changes.changed() => {}
            Ok(()) = problems.changed() => {}
            else => return Ok(()),
        }
    }
}

async fn draw(
    activities: &Activities,
    mut problems: watch::Receiver<Arc<Vec<Problem>>>,
    stop: &CancellationToken,
) -> io::Result<()> {
    let mut changes = activities.changes();
    let mut resized = signal(SignalKind::window_change())?;
    let terminal = Terminal::enter().await?;
    let mut last = String::new();
    loop {
        let started = Instant::now();
        let live = !stop.is_cancelled();
        changes.mark_unchanged();
        let (found, rows) = (Arc::clone(&problems.borrow_and_update()), activities.all());
        let (width, height) = crossterm::terminal::size().unwrap_or(SIZE);
        // What is left on the terminal at the end may scroll.
        let height = if live { height } else { u16::MAX };
        let frame = render(&Screen { rows: &rows, problems: &found, live }, width, height, Timestamp::now());
        if !live {
            return terminal.leave(&frame).await;
        }
        if frame != last {
            write(Terminal::frame(&frame)?).await?;
            last = frame;
        }
        let downloading = rows.iter().any(|(_, activity)| activity.progress.is_some());
        tokio::select! {
            () = stop.cancelled() => continue,
            Ok(()) = changes.changed() => {}
            Ok(()) = problems.changed() => {}
            _ = resized.recv() => last.clear(),
            () = sleep_until(started + if downloading { FRAME } else { IDLE }) => {}
        }
        // A burst of changes is one frame.
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep_until(started + FRAME) => {}
        }
    }
}

/// Standard output while the table has it; gives it back when dropped.
struct Terminal {
    entered: bool,
}

impl Terminal {
    async fn enter() -> io::Result<Self> {
        let mut bytes = Vec::new();
        queue!(bytes, EnterAlternateScreen, cursor::Hide, Clear(ClearType::All))?;
        let terminal = Self { entered: true };
        write(bytes).await?;
        Ok(terminal)
    }

    /// What draws the frame over the one before, without a moment in between in which nothing is there.
    fn frame(frame: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        queue!(bytes, BeginSynchronizedUpdate, cursor::MoveTo(0, 0))?;
        for (i, line) in frame.lines().enumerate() {
            if i > 0 {
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(line.as_bytes());
            queue!(bytes, Clear(ClearType::UntilNewLine))?;
        }
        queue!(bytes, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
        Ok(bytes)
    }

    /// Gives the terminal back and leaves the last frame on it.
    async fn leave(mut self, frame: &str) -> io::Result<()> {
        let mut bytes = Self::restore()?;
        bytes.extend_from_slice(frame.as_bytes());
        self.entered = false;
        write(bytes).await
    }

    fn restore() -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        queue!(bytes, EndSynchronizedUpdate, cursor::Show, LeaveAlternateScreen)?;
        Ok(bytes)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if self.entered
            && let Ok(bytes) = Self::restore()
        {
            // Nothing is left to be told when this fails.
            let _ = io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush());
        }
    }
}

/// Writes where a terminal that is stopped (Ctrl-S) blocks nobody else.
async fn write(bytes: impl Into<Vec<u8>>) -> io::Result<()> {
    let bytes = bytes.into();
    if bytes.is_empty() {
        return Ok(());
    }
    let write = move || {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    };
    tokio::task::spawn_blocking(write).await.map_err(io::Error::other)?
}
