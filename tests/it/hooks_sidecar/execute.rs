//! The Go implementation's format.

use anyhow::{Result, ensure};
use flux_externalsource::hooks::{Executor as _, ExecutorError};
use flux_externalsource::sandbox::Limit;
use serde_json::json;

use super::http::{execute, request};
use super::sidecar::{Place, Sidecar, WHITELIST, input, script, spools};

#[tokio::test]
async fn a_client_of_the_go_implementation_gets_what_it_expects() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    // As Go encodes a request without arguments.
    let empty = json!({"command": "cat", "args": null, "timeout": "", "env": {}, "stdin": "aGVsbG8="});
    let answer = sidecar.ask(&execute(&empty)).await?;
    ensure!(answer.status == 200 && answer.text.contains("application/json"), "{answer:?}");
    ensure!(answer.json()? == json!({"stdout": "aGVsbG8=", "stderr": "", "exitCode": 0}), "{answer:?}");

    let script = "cat; echo \" and $A\"; echo problem >&2; exit 3";
    let full = json!({
        "command": "bash", "args": ["-c", script], "timeout": "5s", "env": {"A": "more"}, "stdin": "aGVs\nbG8=\r\n",
        "unknown": "ignored",
    });
    let answer = sidecar.ask(&execute(&full)).await?;
    ensure!(answer.status == 200 && answer.json()?["exitCode"] == 3, "{answer:?}");
    ensure!(answer.decoded("stdout")? == "hello and more\n" && answer.decoded("stderr")? == "problem\n", "{answer:?}");

    let killed = json!({"command": "bash", "args": ["-c", "kill -9 $$"]});
    let answer = sidecar.ask(&execute(&killed)).await?;
    ensure!(answer.status == 200 && answer.json()?["exitCode"] == -1, "{answer:?}");
    let health = sidecar.ask(&request("GET /health", &[], b"")).await?;
    ensure!(health.json()?["status"] == "healthy", "{health:?}");
    Ok(())
}

#[tokio::test]
async fn one_byte_too_many_is_no_success_over_any_route() -> Result<()> {
    let sidecar = Place::new(WHITELIST)?.with("HOOK_MAX_STDOUT", "10").start().await?;
    // It ends by itself at once: each time it is another race between its end and being stopped.
    for _ in 0..20 {
        let much = json!({"command": "bash", "args": ["-c", "printf 12345678901"]});
        let answer = sidecar.ask(&execute(&much)).await?;
        ensure!(answer.status == 200 && answer.json()?["exitCode"] == -1, "{answer:?}");
        ensure!(answer.decoded("stdout")?.is_empty(), "cut output was given");
        let ran = sidecar.remote().run(&script("printf 12345678901"), &input(""), &spools()).await;
        ensure!(matches!(ran, Err(ExecutorError::Limit(Limit::Stdout))), "{ran:?}");
    }
    Ok(())
}

#[tokio::test]
async fn limits_are_told_as_the_format_can() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let slow = json!({"command": "bash", "args": ["-c", "echo begun; sleep 600"], "timeout": "200ms"});
    let answer = sidecar.ask(&execute(&slow)).await?;
    ensure!(answer.status == 504 && answer.kind() == "timeout", "{answer:?}");
    let flood = json!({"command": "bash", "args": ["-c", "head -c 17000000 /dev/zero"]});
    let answer = sidecar.ask(&execute(&flood)).await?;
    ensure!(answer.status == 200 && answer.json()?["exitCode"] == -1, "{}", answer.status);
    ensure!(answer.decoded("stdout")?.is_empty(), "cut output was given");
    ensure!(answer.decoded("stderr")?.contains("exceeded its stdout limit"), "{answer:?}");
    let whole = json!({"command": "bash", "args": ["-c", "head -c 16777216 /dev/zero"]});
    let answer = sidecar.ask(&execute(&whole)).await?;
    ensure!(answer.json()?["exitCode"] == 0 && answer.decoded("stdout")?.len() == 16 << 20, "{}", answer.status);
    Ok(())
}
