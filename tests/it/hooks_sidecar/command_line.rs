//! `whitelist check`.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::sidecar::WHITELIST;
use crate::harness::run;

#[tokio::test]
async fn whitelist_check_says_whether_and_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("whitelist.yaml");
    let whitelist = format!("{WHITELIST}\n  absent-tool: {{allowed: true, argumentPatterns: ['a']}}\n");
    fs::write(&file, whitelist.trim_start())?;
    let file = file.to_str().context("no text")?;
    let check = async |command: &[&str]| run([&["whitelist", "check", file, "--"], command].concat()).await;

    let ran = check(&["cat", "-n"]).await?;
    ran.expect(0, &[])?;
    ensure!(ran.stdout.starts_with("allowed: runs /") && ran.stderr.is_empty(), "{ran:?}");
    let ran = check(&["bash", "-c", "anything"]).await?;
    ran.expect(0, &["\"bash\" has no argumentPatterns: every argument is allowed"])?;
    let ran = check(&["absent-tool", "a"]).await?;
    ran.expect(0, &["there is no such program in /usr/local/bin, /usr/bin, /bin"])?;
    ensure!(ran.stdout == "allowed, but it could not run here\n", "{ran:?}");
    for (command, said) in [
        (&["rm"][..], "forbids \"rm\""),
        (&["/usr/bin/cat"], "no command \"/usr/bin/cat\""),
        (&["cat", "-n", "/etc/passwd"], "argument 2 of \"cat\""),
    ] {
        check(command).await?.expect(1, &["not allowed: ", said])?;
    }
    let ran = run(["whitelist", "check", file, "--env", "LD_PRELOAD=x", "--", "cat"]).await?;
    ran.expect(1, &["\"LD_PRELOAD\""])
}

#[tokio::test]
async fn whitelist_check_says_what_is_wrong_with_the_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("whitelist.yaml");
    fs::write(&file, "commands: {jq: {allowed: true, patterns: []}}")?;
    let file = file.to_str().context("no text")?;
    run(["whitelist", "check", file, "--", "jq"]).await?.expect(2, &[file, "patterns"])?;
    run(["whitelist", "check", "/nowhere.yaml", "--", "jq"]).await?.expect(1, &["/nowhere.yaml cannot be read"])?;
    run(["whitelist", "check", file]).await?.expect(2, &["COMMAND"])
}
