//! Runs a test as somebody who is not root. When the tests are run by root, each one is run again, in a process of
//! another user.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Result, bail, ensure};

use crate::harness::BINARY;

/// The first of the users that tests run as. Each has its own, because the kernel counts the processes of a user, and a
/// fork bomb of one test would be another's.
const USERS: std::ops::Range<u32> = 50_000..60_000;

/// Who runs this test.
fn user(name: &str) -> u32 {
    let hash = name.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
    USERS.start + hash % (USERS.end - USERS.start)
}

/// Where the test of the other user finds the binary.
const BINARY_VARIABLE: &str = "SANDBOX_TEST_BINARY";

/// The binary, where the user of this process can execute it.
pub fn binary() -> PathBuf {
    std::env::var_os(BINARY_VARIABLE).map_or_else(|| BINARY.into(), PathBuf::from)
}

/// Whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The test executable and the binary, where everybody can execute them.
struct Copies {
    tests: PathBuf,
    binary: PathBuf,
    /// Removes them when this process ends, however it does: its standard input is a pipe that we hold.
    _remover: Child,
}

fn copies() -> Result<&'static Copies> {
    static COPIES: OnceLock<Copies> = OnceLock::new();
    if let Some(copies) = COPIES.get() {
        return Ok(copies);
    }
    let folder = tempfile::Builder::new().prefix("sandbox-tests-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let copy = |from: &Path, name: &str| -> Result<PathBuf> {
        let to = folder.path().join(name);
        // Not by ourselves: what another thread starts meanwhile would hold the file open for writing, and a file that
        // is cannot be executed.
        let copied = Command::new("/bin/cp").args([from, &to]).status()?;
        ensure!(copied.success(), "{} cannot be copied", from.display());
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755))?;
        Ok(to)
    };
    let (tests, binary) = (copy(&std::env::current_exe()?, "tests")?, copy(Path::new(BINARY), "flux-externalsource")?);
    let mut remover = Command::new("/bin/sh");
    remover.args(["-c", "cat; rm -r \"$0\""]).arg(folder.path()).stdin(Stdio::piped());
    let remover = remover.spawn()?;
    let _ = folder.keep();
    Ok(COPIES.get_or_init(|| Copies { tests, binary, _remover: remover }))
}

/// A command that runs one test of this executable as somebody who is not root.
pub fn test_command(name: &str) -> Result<Command> {
    let mut command = if is_root() {
        let copies = copies()?;
        let mut command = Command::new(&copies.tests);
        let user = user(name);
        command.uid(user).gid(user).env(BINARY_VARIABLE, &copies.binary).current_dir("/");
        command
    } else {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(BINARY_VARIABLE, binary());
        command
    };
    command.args(["--exact", name, "--nocapture", "--include-ignored"]);
    Ok(command)
}

/// Runs `body` as somebody who is not root; `name` is the test's.
pub fn run(name: &str, body: impl Future<Output = Result<()>>) -> Result<()> {
    if !is_root() {
        return tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(body);
    }
    ensure!(std::env::var_os(BINARY_VARIABLE).is_none(), "this was to run as another user than root");
    let output = test_command(name)?.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.contains("1 passed") {
        return Ok(());
    }
    bail!("as another user: {}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr))
}

/// Tests that are run by somebody who is not root.
macro_rules! unprivileged {
    ($($(#[$meta:meta])* async fn $name:ident() -> Result<()> $body:block)*) => {
        $(
            $(#[$meta])*
            #[test]
            fn $name() -> anyhow::Result<()> {
                let path = concat!(module_path!(), "::", stringify!($name));
                let name = path.split_once("::").map_or(path, |(_, name)| name);
                $crate::hooks_sandbox::unprivileged::run(name, async $body)
            }
        )*
    };
}
pub(super) use unprivileged;

unprivileged! {
    async fn tests_of_the_sandbox_run_as_somebody_who_is_not_root() -> Result<()> {
        ensure!(!is_root(), "this runs as root");
        let status = std::fs::read_to_string("/proc/self/status")?;
        let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap_or_default().trim();
        ensure!(capabilities == "0000000000000000", "this runs with capabilities: {capabilities}");
        Ok(())
    }
}
