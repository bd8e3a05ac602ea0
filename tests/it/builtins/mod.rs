//! What is built into the binary for the sandbox: transformations, and stand-ins for jq and yq. Always the real binary.

mod canary;
mod commands;
mod examples;
mod hostile;

use std::process::Stdio;

use anyhow::{Context as _, Result};
use flux_externalsource::transform::{Output, Problem, Program, Step, Steps, frame};
use tokio::io::AsyncWriteExt as _;

use crate::harness::{BINARY, Ran, SOON, bare};

/// Runs a built-in over an input, without a sandbox.
async fn built_in(arguments: &[&str], input: &[u8]) -> Result<Ran> {
    let mut command = bare(BINARY.as_ref());
    command.arg("builtin").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let input = input.to_vec();
    // It may end before it has read everything.
    let write = tokio::spawn(async move { stdin.write_all(&input).await });
    let output = tokio::time::timeout(SOON, child.wait_with_output()).await??;
    let _ = write.await?;
    Ok(output.into())
}

/// What the built-in `transform` reads.
fn framed(program: &Program, document: &[u8]) -> Result<Vec<u8>> {
    Ok([&frame::prefix(program)?[..], document].concat())
}

/// Evaluates a program: its output, or its problem.
async fn transform(program: &Program, document: &[u8]) -> Result<Result<Vec<u8>, Problem>> {
    let ran = built_in(&["transform"], &framed(program, document)?).await?;
    Ok(match ran.code {
        Some(0) => Ok(ran.bytes),
        _ => Err(serde_json::from_str(&ran.stderr).with_context(|| format!("{ran:?}"))?),
    })
}

fn steps(steps: Vec<Step>) -> Program {
    Program::Transform(Steps { steps, output: Output::Json, files: false })
}

fn jq(source: &str) -> Step {
    Step::Jq(source.to_owned())
}

fn cel(source: &str) -> Step {
    Step::Cel(source.to_owned())
}
