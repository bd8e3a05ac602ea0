//! The command line: which command with which settings. Called as `manager` or `externalsource-hook-executor`, it takes
//! the Go implementation's flags.

mod arguments;
mod hook_executor;
mod manager;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::arguments::{Controller, HookExecutor, Local, Render, Settings};
use crate::app;
use crate::config::settings::LOCAL_DEFAULTS;
use crate::config::{
    ConfigError, ControllerSettings, HookExecutorSettings, LocalSettings, RenderOutput, RenderSettings, Values,
};

/// Brings data that lives behind HTTP APIs into Flux.
#[derive(Debug, Parser)]
#[command(name = "flux-externalsource", version, subcommand_required = true, arg_required_else_help = true)]
// 80 columns wherever it is read: the texts below are broken for that.
#[command(max_term_width = 80, next_line_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work for a cluster
    ///
    /// Every setting is a flag and an environment variable; a flag goes over the variable, the variable over the
    /// ConfigMap. Durations are written as in Go (90s, 1h30m), sizes as 268435456, 256Mi or 256MB.
    Controller(Settings<Controller>),
    /// Run hooks and transformations for a controller
    ///
    /// Listens where only the same pod can connect, and runs what the whitelist allows, each command confined to a
    /// folder of its own. Refuses to run as root.
    HookExecutor(HookExecutorArgs),
    /// Work without a cluster, for the manifests in a folder
    ///
    /// Fetches for the ExternalSources in FOLDER (with the Secrets in there), serves the artifacts on this machine and
    /// shows what happens. Changed files are taken up at once.
    Local(LocalArgs),
    /// Run one ExternalSource once and write what Flux would get
    ///
    /// Ends with 0 when the source would be Ready.
    Render(RenderArgs),
    /// Look into a whitelist of commands
    #[command(subcommand)]
    Whitelist(Whitelist),
    /// Print the custom resource definition
    Crd,
}

#[derive(Debug, Args)]
struct HookExecutorArgs {
    /// Ask the one that listens there how it is; the exit code says whether it works
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    settings: Settings<HookExecutor>,
}

#[derive(Debug, Subcommand)]
enum Whitelist {
    /// Say whether a command is allowed, and why
    ///
    /// Ends with 0 when it is, with 1 when it is not, and with 2 when the whitelist cannot be used.
    Check(WhitelistCheck),
}

/// What `whitelist check` is about.
#[derive(Debug, Args)]
pub struct WhitelistCheck {
    /// The whitelist
    pub file: PathBuf,
    /// A variable of the command's environment; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

#[derive(Debug, Args)]
struct LocalArgs {
    /// Folder of manifests (.yaml, .yml): ExternalSources and the Secrets they use
    folder: PathBuf,
    /// Address to serve artifacts on; port 0 lets the system pick one
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 9790)))]
    addr: SocketAddr,
    /// End once every source is Ready or has failed; the exit code says which
    #[arg(long)]
    once: bool,
    /// Print lines instead of the live view
    #[arg(long)]
    plain: bool,
    /// Also serve this folder over HTTP, to try things against
    #[arg(long, value_name = "FOLDER")]
    origin: Option<PathBuf>,
    /// Address to serve --origin on
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::from((Ipv4Addr::LOCALHOST, 8089)))]
    origin_addr: SocketAddr,
    #[command(flatten)]
    settings: Settings<Local>,
}

#[derive(Debug, Args)]
struct RenderArgs {
    /// File with an ExternalSource and the Secrets it uses
    file: PathBuf,
    /// Which ExternalSource of the file, when there are several
    #[arg(long)]
    name: Option<String>,
    /// Where the result goes: a file ending in .tar.gz, a folder that is empty or absent, or - for an archive to
    /// standard output
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,
    #[command(flatten)]
    settings: Settings<Render>,
}

/// What to run.
#[derive(Debug)]
pub enum Invocation {
    /// `controller`.
    Controller(Box<ControllerSettings>),
    /// `hook-executor`.
    HookExecutor(Box<HookExecutorSettings>),
    /// `local`.
    Local(Box<LocalSettings>),
    /// `render`.
    Render(Box<RenderSettings>),
    /// `whitelist check`.
    WhitelistCheck(WhitelistCheck),
    /// `crd`.
    Crd,
}

/// The command line or a setting cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The command line; `--help` and `--version` are among these.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// A setting.
    #[error(transparent)]
    Setting(#[from] ConfigError),
}

impl UsageError {
    /// Prints the message and gives the exit code: 2, or 0 for `--help` and `--version`.
    pub fn report(&self) -> ExitCode {
        match self {
            Self::Arguments(error) => {
                // Nothing better is left to be done when the terminal is gone.
                let _ = error.print();
                ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
            }
            Self::Setting(error) => {
                eprintln!("error: {error}");
                ExitCode::from(2)
            }
        }
    }
}

/// Reads the command line and the environment.
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Invocation, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let (args, warnings) = match name(args.first()) {
        Some("manager") => manager::translate(&args),
        Some(hook_executor::NAME) => hook_executor::translate(&args),
        _ => (args, Vec::new()),
    };
    let values = |flags: BTreeMap<String, String>, defaults| Values::new(flags, environment, defaults);
    Ok(match Cli::try_parse_from(args)?.command {
        Command::Controller(settings) => {
            let mut settings = ControllerSettings::new(values(settings.flags, &[]))?;
            settings.warnings.splice(0..0, warnings);
            Invocation::Controller(Box::new(settings))
        }
        Command::HookExecutor(args) => {
            let settings = HookExecutorSettings::new(&values(args.settings.flags, &[]))?;
            Invocation::HookExecutor(Box::new(HookExecutorSettings { check: args.check, warnings, ..settings }))
        }
        Command::Local(args) => {
            let values = values(args.settings.flags, LOCAL_DEFAULTS);
            let settings = LocalSettings::new(&values, args.folder, args.addr)?;
            let origin = args.origin.map(|folder| (folder, args.origin_addr));
            let settings = LocalSettings { once: args.once, plain: args.plain, origin, ..settings };
            Invocation::Local(Box::new(settings))
        }
        Command::Render(args) => {
            let values = values(args.settings.flags, LOCAL_DEFAULTS);
            let settings = RenderSettings::new(&values, args.file, args.name, output(args.output))?;
            Invocation::Render(Box::new(settings))
        }
        Command::Whitelist(Whitelist::Check(args)) => Invocation::WhitelistCheck(args),
        Command::Crd => Invocation::Crd,
    })
}

/// Runs it.
pub async fn run(invocation: Invocation) -> anyhow::Result<ExitCode> {
    match invocation {
        Invocation::Controller(settings) => Box::pin(app::controller(*settings)).await,
        Invocation::HookExecutor(settings) => Box::pin(app::hook_executor(*settings)).await,
        Invocation::Local(settings) => Box::pin(app::local(*settings)).await,
        Invocation::Render(settings) => Box::pin(app::render(*settings)).await,
        Invocation::WhitelistCheck(check) => app::whitelist_check(&check.file, &check.env, check.command),
        Invocation::Crd => app::crd(),
    }
}

/// What we are called as.
fn name(program: Option<&OsString>) -> Option<&str> {
    Path::new(program?).file_name()?.to_str()
}

fn output(path: PathBuf) -> RenderOutput {
    if path.as_os_str() == "-" {
        return RenderOutput::Stdout;
    }
    let is_archive = path.to_str().is_some_and(|path| path.ends_with(".tar.gz"));
    if is_archive { RenderOutput::Archive(path) } else { RenderOutput::Folder(path) }
}
