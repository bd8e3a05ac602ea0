//! Calls of the `go` command.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{Module, sources};

/// Nothing but go.mod and go.sum may decide what is built: no workspace file, no C compiler, no version control data.
pub(super) const ENVIRONMENT: [(&str, &str); 2] = [("CGO_ENABLED", "0"), ("GOWORK", "off")];

/// The toolchain and the platform that it builds for, on one line.
pub(super) fn version(module: &Module) -> Result<String> {
    let output = run(module, &["env", "GOVERSION", "GOOS", "GOARCH"])?;
    Ok(output.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The arguments that build all tools of a module into a folder.
pub(super) fn build_arguments(module: &Module, output: &Path) -> Vec<String> {
    let flags = ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o"];
    let mut arguments: Vec<_> = flags.map(str::to_owned).to_vec();
    arguments.push(format!("{}/", output.display()));
    arguments.push(format!("-ldflags=-s -w {}", module.ldflags));
    arguments.push("tool".to_owned());
    arguments
}

/// Downloads a Go module in the version that go.mod names and gives the folder it is in.
pub(super) fn download(module: &Module, dependency: &str) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Downloaded {
        #[serde(rename = "Dir")]
        dir: PathBuf,
    }
    let output = run(module, &["mod", "download", "-json", dependency])?;
    let downloaded: Downloaded = serde_json::from_str(&output)
        .with_context(|| format!("`go mod download` did not say where {dependency} is: {output}"))?;
    Ok(downloaded.dir)
}

fn run(module: &Module, arguments: &[&str]) -> Result<String> {
    let folder = sources(module);
    // A download may take a while; the runtime's other tasks must not wait for it.
    let result = tokio::task::block_in_place(|| {
        Command::new("go").args(arguments).current_dir(&folder).envs(ENVIRONMENT).output()
    });
    let Output { status, stdout, stderr } = result.context(
        "cannot run `go`: the tests build a Kubernetes control plane and Flux from source; install Go 1.26 or newer and \
         make sure that it is on the PATH",
    )?;
    if !status.success() {
        let (arguments, stderr) = (arguments.join(" "), String::from_utf8_lossy(&stderr));
        bail!("`go {arguments}` in {} failed with {status}: {stderr}", folder.display());
    }
    String::from_utf8(stdout).context("`go` printed something that is not UTF-8")
}
