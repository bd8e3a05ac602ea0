//! Commands that may use the network, and those that may not.

use anyhow::{Result, ensure};
use flux_externalsource::hooks::{Command, Executor as _};
use futures::TryStreamExt as _;
use testbed::{Origin, Reply};

use super::sidecar::{Place, Sidecar, input, script, spools};

/// The same program may use the network under one name, and not under the other.
const WHITELIST: &str = "
commands:
  bash: {allowed: true, network: true}
  quiet: {allowed: true, path: /usr/bin/bash}
";

/// Connects to `$1:$2`, and says whether that went well.
const CONNECT: &str = "if exec 3<>/dev/tcp/$0/$1; then echo connected; else echo refused; fi 2>/dev/null";

async fn output(sidecar: &Sidecar, command: &Command) -> Result<String> {
    let output = sidecar.remote().run(command, &input(""), &spools()).await?;
    let chunks: Vec<_> = output.stream(None).try_collect().await?;
    Ok(String::from_utf8(chunks.concat())?)
}

/// Asks for this URL through the proxy, as a client without TLS does.
fn through_proxy(url: &str) -> Command {
    script(&format!(
        "proxy=${{http_proxy#http://}}; exec 3<>/dev/tcp/${{proxy%:*}}/${{proxy##*:}} || exit 9; \
         printf 'GET {url} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
    ))
}

async fn origin() -> Result<Origin> {
    let origin = Origin::start().await?;
    origin.on("/data", Reply::ok("from the origin\n"));
    Ok(origin)
}

#[tokio::test]
async fn a_command_with_network_reaches_what_the_policy_permits_through_the_proxy_alone() -> Result<()> {
    let origin = origin().await?;
    let sidecar = Place::new(WHITELIST)?.with("ADDRESS_ALLOW", "127.0.0.0/8").start().await?;
    let answer = output(&sidecar, &through_proxy(&origin.url("/data"))).await?;
    ensure!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("from the origin\n"), "{answer}");
    // Directly, where the proxy would have let it through.
    let address = origin.address();
    let direct = Command {
        args: vec!["-c".into(), CONNECT.into(), address.ip().to_string(), address.port().to_string()],
        ..script("")
    };
    ensure!(output(&sidecar, &direct).await? == "refused\n", "a command went around the proxy");
    ensure!(origin.requests().len() == 1, "{:?}", origin.requests());
    Ok(())
}

#[tokio::test]
async fn the_policy_holds_for_commands() -> Result<()> {
    let origin = origin().await?;
    let sidecar = Sidecar::start(WHITELIST).await?;
    let port = origin.address().port();
    for url in [origin.url("/data"), format!("http://localhost:{port}/data"), format!("http://0x7f.1:{port}/data")] {
        let answer = output(&sidecar, &through_proxy(&url)).await?;
        ensure!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("the address policy"), "{url}: {answer}");
        ensure!(!answer.contains("127.0.0.1"), "{answer}");
    }
    ensure!(origin.requests().is_empty(), "{:?}", origin.requests());
    Ok(())
}

#[tokio::test]
async fn a_command_without_network_has_none() -> Result<()> {
    let origin = origin().await?;
    let sidecar = Place::new(WHITELIST)?.with("ADDRESS_ALLOW", "127.0.0.0/8").start().await?;
    let quiet = |args: &[&str]| super::sidecar::command("quiet", args);
    ensure!(output(&sidecar, &quiet(&["-c", "echo \"[$http_proxy$HTTPS_PROXY]\""])).await? == "[]\n");
    let told = output(&sidecar, &script("echo $HTTP_PROXY")).await?;
    let proxy = told.trim().rsplit(':').next().unwrap_or_default().to_owned();
    ensure!(!proxy.is_empty(), "{told}");
    for port in [&origin.address().port().to_string(), &proxy] {
        let answer = output(&sidecar, &quiet(&["-c", CONNECT, "127.0.0.1", port])).await?;
        ensure!(answer == "refused\n", "it reached port {port}");
    }
    Ok(())
}
