//! Runs a test as somebody who is not root. When the tests are run by root, each one is run again, in a process of
//! another user.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail, ensure};

use crate::harness::BINARY;

/// Distroless images' "nonroot".
const USER: u32 = 65532;

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
    _folder: tempfile::TempDir,
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
        std::fs::copy(from, &to).with_context(|| format!("{} cannot be copied", from.display()))?;
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755))?;
        Ok(to)
    };
    let (tests, binary) = (copy(&std::env::current_exe()?, "tests")?, copy(Path::new(BINARY), "flux-externalsource")?);
    Ok(COPIES.get_or_init(|| Copies { tests, binary, _folder: folder }))
}

/// A command that runs one test of this executable as somebody who is not root.
pub fn test_command(name: &str) -> Result<Command> {
    let mut command = if is_root() {
        let copies = copies()?;
        let mut command = Command::new(&copies.tests);
        command.uid(USER).gid(USER).env(BINARY_VARIABLE, &copies.binary).current_dir("/");
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
    bail!("as user {USER}: {}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr))
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
