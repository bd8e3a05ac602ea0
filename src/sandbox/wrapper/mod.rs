//! The process between us and one program: it starts the program, watches it, and kills all that is left of it.
//!
//! Single-threaded throughout, so that a fork of it is whole and the program can be told to die with it.

mod folder;
mod kill;
mod watch;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use self::folder::Folder;
use self::watch::Watch;
use super::protocol::{self, Cause, Malformed, Order, Word};

/// Wraps the one program that the parent orders.
pub(super) fn run() -> ExitCode {
    let began = Instant::now();
    // What goes wrong from here on, a panic included, has nobody to be told to but the parent.
    let Ok(mut control) = take_over() else { return ExitCode::FAILURE };
    let Ok(order) = receive(&mut control) else { return ExitCode::FAILURE };
    let said = match start(&order) {
        Ok((child, folder)) => watch(began, child, folder, &order, &mut control),
        Err(cause) => control.write_all(&protocol::frame(&Word::Failed(cause))),
    };
    if said.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes the control channel off standard error, and leaves the session, and with it the terminal, of the parent.
fn take_over() -> io::Result<UnixStream> {
    let control = UnixStream::from(io::stderr().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stderr(File::options().write(true).open("/dev/null")?)?;
    // Fails in the leader of a process group, which nobody starts as a wrapper but by hand.
    let _ = rustix::process::setsid();
    // Whatever the program starts, and whoever of that is left alone, becomes our child.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(control)
}

fn receive(control: &mut UnixStream) -> Result<Order, Malformed> {
    let mut said = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        if let Some(order) = protocol::take(&mut said)? {
            return Ok(order);
        }
        match control.read(&mut chunk) {
            Ok(0) | Err(_) => return Err(Malformed),
            Ok(read) => said.extend_from_slice(&chunk[..read]),
        }
    }
}

fn start(order: &Order) -> Result<(Child, Folder), Cause> {
    let folder = Folder::new(&order.work_dir).map_err(|error| Cause::WorkDir(errno(&error)))?;
    let child = Command::new(&order.program.path)
        .args(&order.program.args)
        .env_clear()
        .envs(order.program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(folder.path())
        .process_group(0)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Cause::Program(errno(&error)))?;
    Ok((child, folder))
}

fn watch(began: Instant, child: Child, folder: Folder, order: &Order, control: &mut UnixStream) -> io::Result<()> {
    // The program has its own; with ours open, neither end of it would ever see an end.
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    let pid = i32::try_from(child.id()).unwrap_or_default();
    let _ = control.write_all(&protocol::frame(&Word::Started { pid, folder: folder.path().to_owned() }));
    let watch = Watch::new(began, child, control.try_clone()?, order)?;
    let (word, stderr) = watch.to_the_end();
    drop(folder);
    control.write_all(&protocol::frame(&word))?;
    control.write_all(&stderr)
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}
