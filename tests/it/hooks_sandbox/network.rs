//! Sockets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::sandbox::{NEWEST_LANDLOCK, SandboxError};

use super::attack::Attack;
use super::bed::{Bed, program};
use super::unprivileged::unprivileged;

const SOCKETS: &str = r#"
    my ($tcp, $udp, $unix) = @ARGV;
    my ($to, $other) = (pack_sockaddr_in($tcp, inet_aton('127.0.0.1')), pack_sockaddr_in($udp, inet_aton('127.0.0.1')));
    attempt('tcp', sub { my ($s); socket($s, AF_INET, SOCK_STREAM, 0) && connect($s, $to) });
    attempt('tcp by its number', sub { my ($s); socket($s, AF_INET, SOCK_STREAM, 6) && connect($s, $to) });
    attempt('tcp without connect(2)', sub { my ($s); socket($s, AF_INET, SOCK_STREAM, 0) && send($s, 'x', 0x20000000, $to) });
    attempt('tcp over ipv6', sub {
        my ($s); socket($s, AF_INET6, SOCK_STREAM, 0) && connect($s, pack_sockaddr_in6($tcp, "\0" x 10 . "\xff\xff\x7f\0\0\1"))
    });
    attempt('serve tcp', sub {
        my ($s); socket($s, AF_INET, SOCK_STREAM, 0) && bind($s, pack_sockaddr_in(0, inet_aton('127.0.0.1'))) && listen($s, 1)
    });
    attempt('serve tcp without bind(2)', sub { my ($s); socket($s, AF_INET, SOCK_STREAM, 0) && listen($s, 1) });
    attempt('udp', sub { my ($s); socket($s, AF_INET, SOCK_DGRAM, 0) && send($s, 'x', 0, $other) });
    attempt('unix', sub { my ($s); socket($s, AF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un($unix)) });
    attempt('abstract unix', sub { my ($s); socket($s, AF_UNIX, SOCK_STREAM, 0) && connect($s, pack_sockaddr_un("\0$unix")) });
    attempt('unix datagrams', sub { my ($a, $b); socketpair($a, $b, AF_UNIX, SOCK_DGRAM, 0) });
    attempt('netlink', sub { my ($s); socket($s, 16, 3, 0) });
    attempt('rename the socket', sub { rename($unix, "$unix.") && rename("$unix.", $unix) });
    attempt('remove the socket', sub { unlink $unix });
"#;

/// What is there to connect to.
struct Servers {
    _tcp: TcpListener,
    _udp: UdpSocket,
    _unix: UnixListener,
    _abstract: UnixListener,
    folder: tempfile::TempDir,
    ports: [PathBuf; 2],
}

impl Servers {
    fn start() -> Result<Self> {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0")?, UdpSocket::bind("127.0.0.1:0")?);
        let folder = tempfile::tempdir()?;
        let name = |address: SocketAddr| PathBuf::from(address.port().to_string());
        let ports = [name(tcp.local_addr()?), name(udp.local_addr()?)];
        let path = folder.path().join("socket");
        let unix = UnixListener::bind(&path)?;
        let address = <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(
            path.as_os_str().as_encoded_bytes(),
        )?;
        Ok(Self { _tcp: tcp, _udp: udp, _unix: unix, _abstract: UnixListener::bind_addr(&address)?, folder, ports })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn attack(&self, script: &str) -> Attack {
        Attack::new(script, [&*self.ports[0], &*self.ports[1], &*self.socket()])
    }
}

unprivileged! {
    async fn a_program_reaches_no_socket() -> Result<()> {
        let outside = Servers::start()?;
        outside.attack(SOCKETS).succeeds_outside()?;
        let servers = Servers::start()?;
        for version in 1..=NEWEST_LANDLOCK {
            let bed = Bed::with_landlock(version)?;
            servers.attack(SOCKETS).fails_inside(&bed).await.with_context(|| format!("Landlock {version}"))?;
            ensure!(std::fs::symlink_metadata(servers.socket())?.file_type().is_socket(), "the socket is gone");
        }
        Ok(())
    }

    async fn a_program_with_a_proxy_reaches_only_its_port() -> Result<()> {
        let (proxy, servers) = (TcpListener::bind("127.0.0.1:0")?, Servers::start()?);
        let address = proxy.local_addr()?;
        let mptcp = "attempt('multipath tcp', sub { my ($s); socket($s, AF_INET, SOCK_STREAM, 262) });";
        let attack = servers.attack(&format!("{SOCKETS}{mptcp}"));
        let mut connect = program(
            "/bin/bash",
            &["-c", "exec {fd}<>/dev/tcp/127.0.0.1/$0 && echo hello >&$fd && cat <&$fd", &address.port().to_string()],
        );
        connect.proxy = Some(address);
        for version in TCP..=NEWEST_LANDLOCK {
            let bed = Bed::with_landlock(version)?;
            let mut program = attack.program();
            program.proxy = Some(address);
            attack.fails_as(&bed, &program).await.with_context(|| format!("Landlock {version}"))?;
            let answer = std::thread::spawn({
                let proxy = proxy.try_clone()?;
                move || {
                    let mut client = proxy.accept()?.0;
                    client.read_exact(&mut [0; 6])?;
                    client.write_all(b"welcome")
                }
            });
            let ran = bed.run(&connect, b"").await?.succeeded()?;
            ensure!(ran.stdout == "welcome", "{ran:?}");
            answer.join().map_err(|_| anyhow::anyhow!("the proxy panicked"))??;
        }
        Ok(())
    }

    async fn a_program_with_a_proxy_needs_a_kernel_that_keeps_it_to_it() -> Result<()> {
        let bed = Bed::with_landlock(TCP - 1)?;
        let mut program = program("/bin/true", &[]);
        program.proxy = Some("127.0.0.1:1".parse()?);
        let error = bed.start(&program)?.end().await.err();
        ensure!(matches!(error, Some(SandboxError::Unconfined(_))), "{error:?}");
        Ok(())
    }

    async fn a_program_talks_to_its_children_over_sockets() -> Result<()> {
        let script = "socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) || die $!;
            if (!fork) { syswrite($b, 'from a child'); exit 0 } sysread($a, my $x, 100); print $x";
        let ran = Bed::new()?.run(&Attack::new(script, [] as [&Path; 0]).program(), b"").await?.succeeded()?;
        ensure!(ran.stdout == "from a child", "{ran:?}");
        Ok(())
    }
}

/// The first version of Landlock that knows TCP.
const TCP: u8 = 4;
