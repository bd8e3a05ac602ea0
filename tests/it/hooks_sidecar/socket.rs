//! Who may connect, and where.

use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::hooks::{Endpoint, Executor as _, Remote, RemoteSettings};
use testbed::{ProcessBuilder, free_port};
use tokio::net::TcpStream;

use super::sidecar::{Place, Sidecar, USER, WHITELIST, command, input, is_root, spools};
use crate::harness::{BINARY, SOON, bare, finish};

#[tokio::test]
async fn the_socket_is_for_owner_and_group() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let found = fs::symlink_metadata(&sidecar.socket)?;
    ensure!(found.file_type().is_socket() && found.mode() & 0o777 == 0o660, "{:o}", found.mode());
    ensure!(!is_root() || found.uid() == USER, "{}", found.uid());
    Ok(())
}

#[tokio::test]
async fn the_exec_probe_says_whether_it_works() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let endpoint = format!("unix://{}", sidecar.socket.display());
    let check = async || {
        let mut binary = bare(BINARY.as_ref());
        finish(binary.args(["hook-executor", "--check", "--hook-executor-endpoint", &endpoint])).await
    };
    let ran = check().await?;
    ran.expect(0, &[])?;
    ensure!(ran.stdout == "healthy\n", "{ran:?}");
    fs::write(&sidecar.whitelist, "commands: [")?;
    sidecar.process.until_logged("the old rules stay in force", SOON).await?;
    let ran = check().await?;
    ran.expect(0, &[])?;
    ensure!(ran.stdout.contains("the old rules stay in force"), "{ran:?}");
    sidecar.process.kill().await?;
    check().await?.expect(1, &["unavailable", "hooks.sock"])
}

#[tokio::test]
async fn called_as_the_go_implementations_it_listens_on_a_port_of_this_pod_only() -> Result<()> {
    let place = Place::new(WHITELIST)?;
    let link = place.path("externalsource-hook-executor");
    symlink(place.path("flux-externalsource"), &link)?;
    let port = free_port()?;
    let process = ProcessBuilder::new("go-hook-executor", &link)
        .args(["--port", &port.to_string(), "-whitelist"])
        .arg(place.path("etc/whitelist.yaml"))
        .env("HOOK_WORK_DIR", place.path("work"))
        .user(USER)
        .spawn()?;
    let remote = Remote::new(RemoteSettings {
        endpoint: Endpoint::local(port),
        default_timeout: Duration::from_secs(30),
        transform_timeout: Duration::from_secs(30),
        max_concurrent: 1,
        max_output: 1024,
    });
    process.until_ready(SOON, || async { Ok(remote.report().await?) }).await?;
    let output = remote.run(&command("cat", &[]), &input("over a port"), &spools()).await?;
    ensure!(output.len() == 11);
    ensure!(process.log()?.contains("--port: only this pod can connect"), "{}", process.log_tail());
    // Any other address of this machine.
    let other = TcpStream::connect(("127.0.0.2", port)).await;
    ensure!(other.is_err(), "it listens on every address");
    ensure!(process.terminate(SOON).await?.success(), "{}", process.log_tail());
    Ok(())
}

#[tokio::test]
async fn an_address_that_others_could_reach_is_refused() -> Result<()> {
    for endpoint in ["http://0.0.0.0:8082", ":8082", "http://10.1.2.3:8082", "unix://relative.sock", "none"] {
        let mut binary = bare(BINARY.as_ref());
        let run = binary.args(["hook-executor", "--hook-executor-endpoint", endpoint]);
        finish(run).await.context(endpoint)?.expect(2, &["HOOK_EXECUTOR_ENDPOINT", endpoint])?;
    }
    Ok(())
}
