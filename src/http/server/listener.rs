//! What can be listened on: TCP ports, and unix sockets for who shares a file system with us.

use std::fs::File;
use std::io;
use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Unsent bytes in the kernel beyond which a socket takes no more. Small, because a slow client shows progress only
/// when half of them are gone; what is on the wire does not count, so fast clients lose nothing (tcp(7)).
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// Where connections come from.
pub trait Listener: Send + 'static {
    /// One connection.
    type Socket: Socket;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Socket>> + Send;
}

/// One connection. A setting fails only on one that is gone already, which is noticed at the next read.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Prepares it for short answers and for watching how fast the client reads.
    fn configure(&self);

    /// Lets the kernel send bytes of a file; says how many it took.
    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: &File,
        offset: u64,
        length: usize,
    ) -> Poll<io::Result<usize>>;

    /// What the client did not take is not worth the kernel's memory and minutes of retries: reset, do not linger.
    fn give_up(&self);
}

impl Listener for TcpListener {
    type Socket = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        Ok(Self::accept(self).await?.0)
    }
}

impl Socket for TcpStream {
    fn configure(&self) {
        let _ = self.set_nodelay(true);
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(self).set_tcp_notsent_lowat(UNSENT);
    }

    fn poll_send_file(
        &mut self,
        cx: &mut Context<'_>,
        file: &File,
        offset: u64,
        length: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_write_ready(cx))?;
            match self.try_io(Interest::WRITABLE, || send_file(&*self, file, offset, length)) {
                Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn give_up(&self) {
        let _ = self.set_zero_linger();
    }
}

#[cfg(target_os = "linux")]
fn send_file(socket: &TcpStream, file: &File, offset: u64, length: usize) -> io::Result<usize> {
    Ok(rustix::fs::sendfile(socket, file, Some(&mut { offset }), length)?)
}

/// Elsewhere no file counts as local, so none is sent this way.
#[cfg(not(target_os = "linux"))]
fn send_file(_: &TcpStream, _: &File, _: u64, _: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Listener for UnixListener {
    type Socket = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(Self::accept(self).await?.0)
    }
}

impl Socket for UnixStream {
    fn configure(&self) {}

    /// Whoever listens here sends no files.
    fn poll_send_file(&mut self, _: &mut Context<'_>, _: &File, _: u64, _: usize) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    /// Nothing outlives the socket.
    fn give_up(&self) {}
}
