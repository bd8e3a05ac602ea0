//! The process between us and one program: it starts the program, watches it, and kills all that is left of it.

mod disk;
mod held;
mod kill;
mod processes;
mod sample;
mod stderr;
mod watch;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use rustix::io::Errno;
use rustix::process::Pid;

use self::watch::Watch;
use super::check::NOTHING;
use super::confine::{Confinement, UNCONFINED, start_confined};
use super::folder::Folder;
use super::protocol::{self, Cause, Malformed, Order, Word};
use super::{Program, Sandbox};

/// What the hidden subcommand does: wraps one program, as the process that started it says over standard error. To be
/// called before there is any other thread.
pub fn wrapper_main() -> ExitCode {
    let began = Instant::now();
    if std::env::args_os().nth(2).is_some_and(|argument| argument == NOTHING) {
        return ExitCode::SUCCESS;
    }
    // What goes wrong here has nobody to be told to; the parent sees the end of the channel.
    let done = take_over().and_then(|mut control| {
        let order = receive(&mut control)?;
        wrap(began, &order, control)
    });
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Takes the control channel off standard error, and leaves the session, and with it the terminal, of the parent.
fn take_over() -> io::Result<UnixStream> {
    let control = UnixStream::from(io::stderr().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stderr(File::options().write(true).open("/dev/null")?)?;
    // Fails in the leader of a process group, which only somebody who starts a wrapper by hand makes it.
    let _ = rustix::process::setsid();
    // Whatever the program leaves alone becomes our child.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    Ok(control)
}

fn receive(control: &mut UnixStream) -> io::Result<Order> {
    let mut said = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match protocol::take(&mut said) {
            Ok(Some(order)) => return Ok(order),
            Ok(None) => {}
            Err(Malformed) => return Err(io::ErrorKind::InvalidData.into()),
        }
        match control.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => said.extend_from_slice(&chunk[..read]),
        }
    }
}

/// Runs the program to its end, and says so.
fn wrap(began: Instant, order: &Order, mut control: UnixStream) -> io::Result<()> {
    let folder = match Folder::new(&order.work_dir) {
        Ok(folder) => folder,
        Err(error) => return say(&mut control, &Word::Failed(Cause::WorkDir(errno(&error)))),
    };
    let child = match start(order, &folder) {
        Ok(child) => child,
        Err(cause) => return say(&mut control, &Word::Failed(cause)),
    };
    let main = Pid::from_child(&child);
    let pid = main.as_raw_nonzero().get();
    // A parent that is gone is noticed below.
    let _ = say(&mut control, &Word::Started { pid, folder: folder.path().to_owned() });
    let watched = release_standard_streams()
        .and_then(|()| Watch::new(began, main, child.stderr, control.try_clone()?, &folder, order))
        .map(Watch::run);
    let (word, stderr) = match watched {
        Ok((ended, stderr)) => (ended, stderr),
        Err(error) => {
            kill::everything(main, None);
            (Word::Failed(Cause::Start(errno(&error))), Vec::new())
        }
    };
    drop(folder);
    control.set_nonblocking(false)?;
    say(&mut control, &word)?;
    control.write_all(&stderr)
}

fn start(order: &Order, folder: &Folder) -> Result<Child, Cause> {
    let confinement = Confinement::prepare(order, folder).map_err(Cause::Unconfined)?;
    let mut command = Command::new(&order.program.path);
    command
        .args(&order.program.args)
        .env_clear()
        .envs(order.program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(folder.path())
        .process_group(0)
        .stderr(Stdio::piped());
    start_confined(command, confinement)
        .map_err(|error| cause(Errno::from_io_error(&error).unwrap_or(Errno::IO), &order.program))
}

/// What an error of fork(2) or execve(2) says about the program. What is not known to be for good is not: a shortage that
/// passes must not be taken for a program that somebody has to mend.
fn cause(errno: Errno, program: &Program) -> Cause {
    match errno {
        UNCONFINED => Cause::Unconfined("the kernel refuses it".to_owned()),
        Errno::TOOBIG => Cause::TooLong,
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::ACCESS
        | Errno::PERM
        | Errno::NOEXEC
        | Errno::LOOP
        | Errno::ISDIR
        | Errno::LIBBAD
            // What is built in is nobody's to install or to allow.
            if program.path != Sandbox::own_executable() =>
        {
            Cause::Program(errno.raw_os_error())
        }
        errno => Cause::Start(errno.raw_os_error()),
    }
}

/// Lets the program have the only copies: while ours were open, neither end of a pipe would ever see an end.
fn release_standard_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(rustix::stdio::dup2_stdout(&null)?)
}

fn say(control: &mut UnixStream, word: &Word) -> io::Result<()> {
    control.write_all(&protocol::frame(word))
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(path: std::path::PathBuf) -> Program {
        Program { path, args: Vec::new(), env: Vec::new(), proxy: None }
    }

    #[test]
    fn only_what_is_wrong_with_a_program_for_good_is_said_of_it() {
        let (installed, own) = (program("/bin/true".into()), program(Sandbox::own_executable()));
        for errno in [
            Errno::NOENT,
            Errno::NOTDIR,
            Errno::ACCESS,
            Errno::PERM,
            Errno::NOEXEC,
            Errno::LOOP,
            Errno::ISDIR,
            Errno::LIBBAD,
        ] {
            assert!(matches!(cause(errno, &installed), Cause::Program(said) if said == errno.raw_os_error()));
            assert!(matches!(cause(errno, &own), Cause::Start(_)), "{errno}");
        }
        for errno in [
            Errno::AGAIN,
            Errno::NOMEM,
            Errno::NFILE,
            Errno::MFILE,
            Errno::TXTBSY,
            Errno::IO,
            Errno::INTR,
            Errno::NOSPC,
            Errno::INVAL,
        ] {
            assert!(matches!(cause(errno, &installed), Cause::Start(said) if said == errno.raw_os_error()));
        }
        for program in [&installed, &own] {
            assert!(matches!(cause(Errno::TOOBIG, program), Cause::TooLong));
            assert!(matches!(cause(UNCONFINED, program), Cause::Unconfined(_)));
        }
    }
}
