//! The live view of `local` in a pseudo-terminal, which `script` makes.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use testbed::{Origin, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::time::timeout;

use crate::harness::{BINARY, SOON, bare};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";

/// `local` in a terminal of 100 columns and 30 lines.
struct Terminal {
    child: Child,
    shown: String,
    _folder: TempDir,
}

impl Terminal {
    fn start(origin: &Origin, redirection: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let manifest = |name: &str, path: &str| {
            let source = format!(
                "apiVersion: source.flux.oddkin.co/v1alpha1\nkind: ExternalSource\nmetadata: {{name: {name}}}\nspec: \
                 {{interval: 1h, generator: {{type: http, http: {{url: '{}'}}}}}}\n",
                origin.url(path)
            );
            fs::write(folder.path().join(format!("{name}.yaml")), source)
        };
        manifest("good", "/map.yaml")?;
        manifest("missing", "/none.yaml")?;
        let local = format!(
            "stty cols 100 rows 30; exec {BINARY} local {} --addr 127.0.0.1:0 --log-level debug {redirection}",
            folder.path().display()
        );
        let child = bare(Path::new("script"))
            .args(["--quiet", "--flush", "--return", "--command", &local, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("script makes the terminal of this test; install the package bsdutils or util-linux")?;
        Ok(Self { child, shown: String::new(), _folder: folder })
    }

    /// Reads until all of this was shown, or to the end when nothing is asked for.
    async fn until_shown(&mut self, texts: &[&str]) -> Result<()> {
        let output = self.child.stdout.as_mut().context("no output")?;
        let read = async {
            let mut bytes = [0; 4096];
            while texts.is_empty() || !texts.iter().all(|text| self.shown.contains(text)) {
                let count = output.read(&mut bytes).await?;
                ensure!(count > 0 || texts.is_empty(), "it ended before it showed {texts:?}");
                if count == 0 {
                    break;
                }
                self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            Ok(())
        };
        let result = timeout(SOON, read).await.context("it did not show in time what was waited for");
        result.and_then(|read| read).with_context(|| format!("{texts:?} in {:?}", self.shown))
    }

    /// Presses Ctrl-C and gives the exit code.
    async fn interrupt(&mut self) -> Result<Option<i32>> {
        self.child.stdin.as_mut().context("no input")?.write_all(b"\x03").await?;
        self.until_shown(&[]).await?;
        Ok(timeout(SOON, self.child.wait()).await??.code())
    }
}

async fn origin() -> Result<Origin> {
    let origin = Origin::start().await?;
    origin.on("/map.yaml", Reply::ok("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"));
    Ok(origin)
}

#[tokio::test]
async fn a_terminal_shows_the_table_and_is_given_back_on_ctrl_c() -> Result<()> {
    let origin = origin().await?;
    let mut terminal = Terminal::start(&origin, "")?;
    terminal.until_shown(&["2 sources, 1 ready, 1 failing (Ctrl-C ends)", "404 Not Found"]).await?;
    ensure!(terminal.shown.contains("NAME") && terminal.shown.contains("default/good"), "{:?}", terminal.shown);
    ensure!(terminal.interrupt().await? == Some(0), "{:?}", terminal.shown);

    let shown = &terminal.shown;
    let once = |text: &str| shown.matches(text).count() == 1;
    ensure!(once(ENTER) && once(LEAVE) && once(HIDE_CURSOR) && once(SHOW_CURSOR), "{shown:?}");
    let (view, left) = shown.split_once(LEAVE).context("never left")?;
    ensure!(view.contains(ENTER) && view.contains(SHOW_CURSOR), "{shown:?}");
    ensure!(left.contains("2 sources, 1 ready, 1 failing\r\n") && left.contains("404 Not Found"), "{left:?}");
    ensure!(!left.contains('\x1b'), "{left:?}");
    // At this level hundreds of lines would have torn the table.
    ensure!(!shown.contains("DEBUG") && !shown.contains("INFO") && !shown.contains("WARN"), "{shown:?}");
    Ok(())
}

#[tokio::test]
async fn logs_go_where_standard_error_is_sent() -> Result<()> {
    let origin = origin().await?;
    let logs = tempfile::NamedTempFile::new()?;
    let mut terminal = Terminal::start(&origin, &format!("2>{}", logs.path().display()))?;
    terminal.until_shown(&["1 ready, 1 failing"]).await?;
    terminal.interrupt().await?;
    ensure!(!terminal.shown.contains("WARN"), "{:?}", terminal.shown);
    let logs = fs::read_to_string(logs.path())?;
    ensure!(logs.contains("WARN") && logs.contains("404 Not Found") && !logs.contains('\x1b'), "{logs}");
    Ok(())
}
