//! S3 servers: MinIO, and versitygw of other hands, over folders.

mod certificate;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use certificate::ServerCertificate;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, OnceCell};

use crate::ports::free_ports;
use crate::process::{Process, ProcessBuilder};
use crate::tools::{self, Built};
use crate::{background, run_dir};

const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Another process may take a free port between its choice and its use.
const ATTEMPTS: usize = 3;

/// The id of the key that may do everything.
pub const ACCESS_KEY: &str = "testbed-access-key";
/// The secret of that key.
pub const SECRET_KEY: &str = "testbed-secret-key-that-nobody-logs";
/// The key that MinIO encrypts with for SSE-KMS.
pub const KMS_KEY: &str = "testbed-key";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// MinIO on a single folder.
    Minio,
    /// versitygw with its posix backend.
    Versitygw,
}

/// A running server on 127.0.0.1. It ends, and its folder goes, with the test process.
pub struct S3Server {
    kind: Kind,
    tools: Built,
    folder: PathBuf,
    port: u16,
    other_port: u16,
    certificate: Option<ServerCertificate>,
    process: Mutex<Process>,
}

impl S3Server {
    /// The server of this test process, started by whoever asks first; nobody may end it.
    pub async fn shared(kind: Kind) -> Result<&'static Self> {
        static MINIO: OnceCell<Result<S3Server, String>> = OnceCell::const_new();
        static VERSITYGW: OnceCell<Result<S3Server, String>> = OnceCell::const_new();
        let cell = match kind {
            Kind::Minio => &MINIO,
            Kind::Versitygw => &VERSITYGW,
        };
        let start = || async { Self::start(kind).await.map_err(|error| format!("{error:#}")) };
        cell.get_or_init(start).await.as_ref().map_err(|error| anyhow!("no S3 server: {error}"))
    }

    /// A server of its own.
    pub async fn start(kind: Kind) -> Result<Self> {
        background::run(Self::start_somewhere(kind, false)).await
    }

    /// A server of its own that speaks TLS, with a certificate of an authority that nobody knows.
    pub async fn start_with_tls(kind: Kind) -> Result<Self> {
        background::run(Self::start_somewhere(kind, true)).await
    }

    async fn start_somewhere(kind: Kind, tls: bool) -> Result<Self> {
        let tools = tools::ensure(kind.module()).await?;
        let mut attempt = 1;
        loop {
            match Self::try_start(kind, tools.clone(), tls).await {
                Err(_) if attempt < ATTEMPTS => attempt += 1,
                result => return result.with_context(|| format!("cannot start {kind:?}")),
            }
        }
    }

    async fn try_start(kind: Kind, tools: Built, tls: bool) -> Result<Self> {
        let parent = run_dir::subfolder(kind.module().name)?;
        let folder = parent.join(run_dir::DATA);
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let certificate = tls.then(|| ServerCertificate::write(&parent.join("certs"))).transpose()?;
        let [port, other_port] = free_ports()?;
        let process = command(kind, &tools, &folder, [port, other_port], certificate.as_ref()).spawn()?;
        let server = Self { kind, tools, folder, port, other_port, certificate, process: Mutex::new(process) };
        server.until_ready().await?;
        Ok(server)
    }

    async fn until_ready(&self) -> Result<()> {
        let process = self.process.lock().await;
        // MinIO listens before it serves.
        if self.kind == Kind::Minio {
            process.until_logged("API: ", STARTS_WITHIN).await?;
        }
        process
            .until_ready(STARTS_WITHIN, async || {
                TcpStream::connect(("127.0.0.1", self.port)).await.map(drop).context("nobody listens")
            })
            .await
    }

    /// `host:port`.
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Scheme, host and port.
    pub fn endpoint(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// The certificate of the authority that signed this server's, in PEM.
    pub fn ca_file(&self) -> Result<PathBuf> {
        Ok(self.certificate.as_ref().context("this server speaks no TLS")?.authority.clone())
    }

    /// Makes a bucket with a new name and gives the name.
    pub fn bucket(&self) -> Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("bucket-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = self.folder_of(&name);
        // Both take a folder for a bucket.
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(name)
    }

    /// Where a bucket is on this machine.
    pub fn folder_of(&self, bucket: &str) -> PathBuf {
        self.folder.join(bucket)
    }

    /// Ends it as a crash would.
    pub async fn kill(&self) -> Result<()> {
        self.process.lock().await.kill().await.map(drop)
    }

    /// Starts it again after [`Self::kill`], at the same address and with what it stored.
    pub async fn restart(&self) -> Result<()> {
        let ports = [self.port, self.other_port];
        let command = command(self.kind, &self.tools, &self.folder, ports, self.certificate.as_ref());
        *self.process.lock().await = command.spawn()?;
        self.until_ready().await
    }

    /// Stops it without ending it, as a server that hangs.
    pub async fn pause(&self) -> Result<()> {
        self.process.lock().await.signal(crate::process::Signal::STOP)
    }

    /// Lets it go on.
    pub async fn resume(&self) -> Result<()> {
        self.process.lock().await.signal(crate::process::Signal::CONT)
    }
}

impl Kind {
    fn module(self) -> &'static tools::Module {
        match self {
            Self::Minio => &tools::MINIO,
            Self::Versitygw => &tools::VERSITYGW,
        }
    }
}

fn command(
    kind: Kind,
    tools: &Built,
    folder: &Path,
    [port, other_port]: [u16; 2],
    certificate: Option<&ServerCertificate>,
) -> ProcessBuilder {
    let name = kind.module().name;
    let command = ProcessBuilder::new(name, tools.program(name)).env("HOME", folder.with_file_name("home"));
    let address = format!("127.0.0.1:{port}");
    match kind {
        Kind::Minio => {
            let command = command
                .env("MINIO_ROOT_USER", ACCESS_KEY)
                .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
                .env("MINIO_KMS_SECRET_KEY", format!("{KMS_KEY}:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="))
                .env("MINIO_BROWSER", "off")
                .env("MINIO_UPDATE", "off")
                // Else it refuses a folder on the same disk as the system.
                .env("MINIO_CI_CD", "1")
                .args(["server", "--address", &address, "--console-address", &format!("127.0.0.1:{other_port}")]);
            let command = match certificate {
                Some(certificate) => command.arg("--certs-dir").arg(&certificate.folder),
                None => command,
            };
            command.arg(folder)
        }
        Kind::Versitygw => {
            let command = command.args([
                "--quiet",
                "--keep-alive",
                "--port",
                &address,
                "--access",
                ACCESS_KEY,
                "--secret",
                SECRET_KEY,
            ]);
            let command = match certificate {
                Some(certificate) => {
                    command.arg("--cert").arg(&certificate.certificate).arg("--key").arg(&certificate.key)
                }
                None => command,
            };
            command.arg("posix").arg(folder)
        }
    }
}
