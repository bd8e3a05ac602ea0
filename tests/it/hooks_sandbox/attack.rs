//! Attacks that succeed outside of the sandbox and must fail inside.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use flux_externalsource::sandbox::Program;

use super::bed::{Bed, perl};

/// What scripts begin with. `attempt` takes a name and code that gives something true when the attack succeeded.
const PRELUDE: &str = "use Socket; use Fcntl; use POSIX ();
    $| = 1; $SIG{PIPE} = 'IGNORE';
    sub attempt { my ($name, $code) = @_; print $name, ': ', (eval { $code->() } ? 'done' : 'refused'), qq(\\n) }\n";

/// A script of attacks in Perl, with its arguments.
pub struct Attack {
    script: String,
    args: Vec<String>,
}

impl Attack {
    pub fn new<'a>(script: &str, args: impl IntoIterator<Item = &'a Path>) -> Self {
        let args = args.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
        Self { script: format!("{PRELUDE}{script}"), args }
    }

    pub fn program(&self) -> Program {
        let mut program = perl(&self.script, "--");
        program.args.extend(self.args.iter().cloned());
        program
    }

    /// Fails unless every attempt succeeds outside of the sandbox: one that never does shows nothing.
    pub fn succeeds_outside(&self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let program = self.program();
        let output = Command::new(&program.path).args(&program.args).env_clear().current_dir(folder.path()).output()?;
        every("done", &String::from_utf8_lossy(&output.stdout), &String::from_utf8_lossy(&output.stderr))
    }

    /// Fails unless every attempt fails inside.
    pub async fn fails_inside(&self, bed: &Bed) -> Result<()> {
        self.fails_as(bed, &self.program()).await
    }

    /// The same for a program that may do more.
    pub async fn fails_as(&self, bed: &Bed, program: &Program) -> Result<()> {
        let ran = bed.run(program, b"").await?.succeeded()?;
        every("refused", &ran.stdout, &ran.stderr())
    }
}

fn every(outcome: &str, stdout: &str, stderr: &str) -> Result<()> {
    let others: Vec<&str> = stdout.lines().filter(|line| !line.ends_with(&format!(": {outcome}"))).collect();
    ensure!(others.is_empty() && !stdout.is_empty(), "not all are {outcome}: {others:?}\n{stdout}{stderr}");
    Ok(())
}
