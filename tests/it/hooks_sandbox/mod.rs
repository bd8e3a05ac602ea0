//! Programs that nobody trusts.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use flux_externalsource::sandbox::{Exit, Limits, Program, Sandbox, SandboxSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::BINARY;

fn limits() -> Limits {
    Limits {
        time: Duration::from_secs(30),
        cpu: Duration::from_secs(10),
        memory: 256 << 20,
        processes: 64,
        files: 256,
        disk: 64 << 20,
        stdin: 1 << 28,
        stdout: 1 << 28,
        stderr: 64 << 10,
    }
}

#[tokio::test]
async fn a_program_reads_and_writes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let sandbox = Sandbox::new(SandboxSettings { wrapper: BINARY.into(), ..SandboxSettings::new(folder.path()) })?;
    let program = Program { path: Path::new("/usr/bin/cat").into(), args: vec![], env: vec![], proxy: None };
    for _ in 0..5 {
        let at = std::time::Instant::now();
        let mut running = sandbox.start(&program, &limits())?;
        let (mut stdin, mut stdout) = (running.stdin.take().unwrap(), running.stdout.take().unwrap());
        stdin.write_all(b"hello").await?;
        drop(stdin);
        let mut read = Vec::new();
        stdout.read_to_end(&mut read).await?;
        let ended = running.end().await?;
        assert_eq!((read.as_slice(), ended.exit), (b"hello".as_slice(), Exit::Code(0)));
        eprintln!("{:?} {:?}", at.elapsed(), ended.usage);
    }
    Ok(())
}
