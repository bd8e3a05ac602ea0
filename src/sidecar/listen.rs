//! Listening, so that nobody else can connect and no other process is disturbed.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use crate::hooks::Endpoint;

/// Owner and group: controller and sidecar have users of their own, and a group in common.
const MODE: u32 = 0o660;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// Nobody can listen there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody does already.
    #[error("{0}: another process listens there")]
    Taken(Endpoint),
    /// There is something that is no socket.
    #[error("{0}: there is a file that is no socket; it is left alone")]
    NoSocket(Endpoint),
    /// The operating system refuses.
    #[error("{0}: cannot listen: {1}")]
    Io(Endpoint, io::Error),
}

/// An endpoint that is listened on.
pub enum Listening {
    /// A unix socket, which is removed at the end.
    Unix(UnixListener, SocketFile),
    /// A port.
    Tcp(TcpListener),
}

/// The file of a unix socket. Dropping it removes it, unless it is somebody else's by now.
pub struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// What tells a file from another one that has its name, and perhaps its inode, later.
type Identity = (u64, u64, i64, i64);

fn identity(path: &Path) -> io::Result<Identity> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino(), found.ctime(), found.ctime_nsec()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // A stale one is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

pub(super) fn listen(endpoint: &Endpoint) -> Result<Listening, ListenError> {
    let failed = |error| match error {
        Failed::Taken => ListenError::Taken(endpoint.clone()),
        Failed::NoSocket => ListenError::NoSocket(endpoint.clone()),
        Failed::Io(error) if error.kind() == io::ErrorKind::AddrInUse => ListenError::Taken(endpoint.clone()),
        Failed::Io(error) => ListenError::Io(endpoint.clone(), error),
    };
    match endpoint {
        Endpoint::Unix(path) => unix(path).map_err(failed),
        Endpoint::Tcp(address) => {
            let bound = std::net::TcpListener::bind(address).and_then(|listener| {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)
            });
            bound.map(Listening::Tcp).map_err(|error| failed(error.into()))
        }
    }
}

enum Failed {
    Taken,
    NoSocket,
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn unix(path: &Path) -> Result<Listening, Failed> {
    make_room(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // Before anybody can connect.
    fs::set_permissions(path, Permissions::from_mode(MODE))?;
    let file = SocketFile { path: path.to_owned(), identity: identity(path)? };
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(std::os::unix::net::UnixListener::from(socket))?;
    Ok(Listening::Unix(listener, file))
}

/// Removes a socket that nobody listens on any more: what a killed sidecar leaves behind.
fn make_room(path: &Path) -> Result<(), Failed> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(found) if !found.file_type().is_socket() => Err(Failed::NoSocket),
        Ok(_) => match connect(path) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // It is listened on, also when we may not connect or its queue is full.
            Ok(()) | Err(_) => Err(Failed::Taken),
        },
    }
}

/// Connects without waiting: one whose queue is full would let us wait until somebody else gives up.
fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_socket_whose_queue_is_full_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hooks.sock");
        let hung = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        hung.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        hung.listen(1).unwrap();
        let waiting: Vec<_> = std::iter::from_fn(|| {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket.connect(&SockAddr::unix(&path).unwrap()).ok().map(|()| socket)
        })
        .take(100)
        .collect();
        assert!((1..100).contains(&waiting.len()), "{} wait", waiting.len());
        let (sender, made) = mpsc::channel();
        let there = path.clone();
        std::thread::spawn(move || sender.send(make_room(&there)));
        let made = made.recv_timeout(Duration::from_secs(20)).expect("it waits for whoever listens there");
        assert!(matches!(made, Err(Failed::Taken)));
        assert!(path.exists());
        drop(hung);
        assert!(make_room(&path).is_ok() && !path.exists());
    }
}
