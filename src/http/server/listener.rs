//! What can be listened on: TCP ports, and unix sockets for who shares a file system with us.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
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

    fn give_up(&self) {
        let _ = self.set_zero_linger();
    }
}

impl Listener for UnixListener {
    type Socket = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(Self::accept(self).await?.0)
    }
}

impl Socket for UnixStream {
    fn configure(&self) {}

    /// Nothing outlives the socket.
    fn give_up(&self) {}
}
