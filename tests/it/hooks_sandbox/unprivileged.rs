//! Runs a test as somebody who is not root. When the tests are run by root, each one is run again, in a process of
//! another user.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

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
}

/// Made once by a process; what earlier ones have left is removed, because nothing in a static is ever dropped.
fn copies() -> Result<&'static Copies> {
    const PREFIX: &str = "flux-externalsource-sandbox-tests-";
    static COPIES: OnceLock<Result<Copies, String>> = OnceLock::new();
    let make = || -> Result<Copies> {
        let parent = std::env::temp_dir();
        for entry in parent.read_dir()?.flatten() {
            let name = entry.file_name();
            let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                // Somebody else removes it at the same time, or owns it.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
        let copy = |from: &Path, name: &str| -> Result<PathBuf> {
            let to = folder.join(name);
            std::fs::copy(from, &to).with_context(|| format!("{} cannot be copied", from.display()))?;
            std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o755))?;
            Ok(to)
        };
        Ok(Copies { tests: copy(&std::env::current_exe()?, "tests")?, binary: copy(Path::new(BINARY), "binary")? })
    };
    COPIES.get_or_init(|| make().map_err(|error| format!("{error:#}"))).as_ref().map_err(|error| anyhow!(error.clone()))
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
