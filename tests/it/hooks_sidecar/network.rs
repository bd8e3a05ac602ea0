//! Commands that may use the network, and those that may not.

use anyhow::{Result, ensure};
use flux_externalsource::hooks::{Command, Executor as _};
use futures::TryStreamExt as _;
use testbed::{Origin, Reply};

use super::sidecar::{Place, Sidecar, input, script, spools};

/// `bash` may use the network, and the same program under another name may not.
const WHITELIST: &str = "
commands:
  bash: {allowed: true, network: true}
  quiet: {allowed: true, path: /usr/bin/bash}
";

/// Asks for the URL in `$1` through the proxy, as a client without TLS does.
const THROUGH_PROXY: &str = r#"
exec 3<>"/dev/tcp/${http_proxy##*/}"
"#;

async fn output(sidecar: &Sidecar, command: &Command) -> Result<String> {
    let output = sidecar.remote().run(command, &input(""), &spools()).await?;
    let chunks: Vec<_> = output.stream(None).try_collect().await?;
    Ok(String::from_utf8(chunks.concat())?)
}

/// A request for this URL, through the proxy.
fn through_proxy(url: &str) -> Command {
    script(&format!(
        "proxy=${{HTTP_PROXY#http://}}; exec 3<>/dev/tcp/${{proxy%:*}}/${{proxy##*:}}; \
         printf 'GET {url} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3"
    ))
}
