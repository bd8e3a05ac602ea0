//! The controller's client against the real sidecar: what comes back, and what each failure becomes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use flux_externalsource::hooks::{Command, Executor as _, ExecutorError};
use flux_externalsource::sandbox::{Exit, Limit};
use flux_externalsource::spool::Spool;
use flux_externalsource::transform::{Output, ProblemKind, Program, Step, Steps};
use futures::TryStreamExt as _;
use testbed::eventually;

use super::sidecar::{Place, Sidecar, WHITELIST, command, input, remote, remote_with, script, spools};
use crate::harness::SOON;

async fn text(spool: &Spool) -> Result<String> {
    let chunks: Vec<_> = spool.stream(None).try_collect().await?;
    Ok(String::from_utf8(chunks.concat())?)
}

/// The output of a command over an input.
async fn output(sidecar: &Sidecar, command: &Command, stdin: &str) -> Result<String> {
    text(&sidecar.remote().run(command, &input(stdin), &spools()).await?).await
}

/// Why there is none.
async fn failure(sidecar: &Sidecar, command: &Command, stdin: impl Into<Vec<u8>>) -> Result<ExecutorError> {
    match sidecar.remote().run(command, &input(stdin), &spools()).await {
        Ok(output) => bail!("it ran: {:?}", text(&output).await?),
        Err(error) => Ok(error),
    }
}

fn jq(program: &str) -> Program {
    Program::Transform(Steps { steps: vec![Step::Jq(program.to_owned())], output: Output::Json, files: false })
}

#[tokio::test]
async fn commands_get_their_input_arguments_and_environment_and_nothing_else() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    ensure!(output(&sidecar, &command("cat", &["-n"]), "a\nb\n").await? == "     1\ta\n     2\tb\n");
    ensure!(output(&sidecar, &command("cat", &[]), "").await?.is_empty());
    let odd = "quotes \" ' \\ $HOME \u{1f980}\n\ttab";
    let command = Command {
        env: vec![("A".to_owned(), odd.to_owned()), ("B".to_owned(), String::new())],
        ..script("printf '%s|%s|%s' \"$A\" \"$B\" \"$0\"; exec env -0 >&2")
    };
    let seen = output(&sidecar, &command, "").await?;
    ensure!(seen.starts_with(&format!("{odd}||")), "{seen}");
    Ok(())
}

#[tokio::test]
async fn each_failure_is_what_it_is() -> Result<()> {
    let place = Place::new(WHITELIST)?.with("HOOK_MAX_STDIN", "1Mi").with("HOOK_MAX_STDOUT", "1Mi");
    let sidecar = place.start().await?;
    let unknown = failure(&sidecar, &command("rn", &[]), "").await?;
    ensure!(matches!(&unknown, ExecutorError::NotAllowed(why) if why.contains("no command \"rn\"")), "{unknown}");
    let denied = failure(&sidecar, &command("cat", &["secret"]), "").await?;
    ensure!(matches!(&denied, ExecutorError::NotAllowed(why) if why.contains("argument 1 of \"cat\"")), "{denied}");
    ensure!(!denied.to_string().contains("secret"), "{denied}");
    let invalid = failure(&sidecar, &command("cat", &["a\0"]), "").await?;
    ensure!(matches!(invalid, ExecutorError::Invalid(_)), "{invalid}");
    let large = failure(&sidecar, &command("cat", &["a".repeat(800_000).as_str()]), "").await?;
    ensure!(matches!(large, ExecutorError::Invalid(_)), "{large}");
    let failed = failure(&sidecar, &script("echo output; exit 5"), "").await?;
    ensure!(matches!(failed, ExecutorError::Failed(Exit::Code(5))), "{failed}");
    let killed = failure(&sidecar, &script("kill -SEGV $$"), "").await?;
    ensure!(matches!(killed, ExecutorError::Failed(Exit::Signal(11))), "{killed}");
    for before in ["", "echo begun; "] {
        let slow = Command { timeout: Some(Duration::from_millis(300)), ..script(&format!("{before}sleep 600")) };
        let slow = failure(&sidecar, &slow, "").await?;
        ensure!(matches!(slow, ExecutorError::Limit(Limit::Time)), "{before}: {slow}");
    }
    let flood = failure(&sidecar, &script("head -c 2000000 /dev/zero; sleep 600"), "").await?;
    ensure!(matches!(flood, ExecutorError::Limit(Limit::Stdout)), "{flood}");
    let much = failure(&sidecar, &command("cat", &[]), vec![b'x'; (1 << 20) + 1]).await?;
    ensure!(matches!(much, ExecutorError::Limit(Limit::Stdin)), "{much}");
    ensure!(output(&sidecar, &command("cat", &[]), &"x".repeat(1 << 20)).await?.len() == 1 << 20);
    Ok(())
}

#[tokio::test]
async fn a_command_need_not_read_its_input() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let large = vec![b'\n'; 50 << 20];
    for (script_text, expected) in
        [("true", ""), ("echo done", "done\n"), ("exec <&-; echo done", "done\n"), ("head -c 1", "\n")]
    {
        let output = sidecar.remote().run(&script(script_text), &input(large.clone()), &spools()).await;
        ensure!(text(&output.context(script_text)?).await? == expected, "{script_text}");
    }
    let failed = failure(&sidecar, &script("exit 3"), large.clone()).await?;
    ensure!(matches!(failed, ExecutorError::Failed(Exit::Code(3))), "{failed}");
    // Neither need who is refused have read it.
    let denied = failure(&sidecar, &command("rm", &[]), large).await?;
    ensure!(matches!(denied, ExecutorError::NotAllowed(_)), "{denied}");
    Ok(())
}

#[tokio::test]
async fn a_command_may_close_its_output_and_read_on() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let script = script("echo first; exec >&-; cat > copy; [ $(wc -c < copy) = 5000000 ]");
    let output = sidecar.remote().run(&script, &input(vec![b'x'; 5_000_000]), &spools()).await?;
    ensure!(text(&output).await? == "first\n");
    Ok(())
}

#[tokio::test]
async fn transformations_run_without_being_whitelisted() -> Result<()> {
    let sidecar = Sidecar::start("").await?;
    let remote = sidecar.remote();
    let document = input(r#"{"a": [1, 2, 3]}"#);
    let output = remote.transform(&jq(".a | add"), &document, &spools()).await?;
    ensure!(text(&output).await?.trim() == "6");
    match remote.transform(&jq(".a |"), &document, &spools()).await {
        Err(ExecutorError::Problem(problem)) => {
            ensure!(problem.kind == ProblemKind::Expression && problem.index == Some(0), "{problem:?}");
        }
        other => bail!("{other:?}"),
    }
    match remote.transform(&jq(".a.b"), &document, &spools()).await {
        Err(ExecutorError::Problem(problem)) => ensure!(problem.kind == ProblemKind::Evaluation, "{problem:?}"),
        other => bail!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn who_gives_up_ends_the_command() -> Result<()> {
    let sidecar = Sidecar::start(WHITELIST).await?;
    let remote = sidecar.remote();
    let waiting = script("while :; do sleep 1; done");
    let run = tokio::spawn(async move { remote.run(&waiting, &input(""), &spools()).await });
    eventually("the command to run", SOON, async || {
        let report = sidecar.remote().report().await?;
        ensure!(report.running == 1, "{report:?}");
        Ok(())
    })
    .await?;
    run.abort();
    eventually("the command to end", SOON, async || {
        let report = sidecar.remote().report().await?;
        ensure!(report.running == 0, "{report:?}");
        let left = fs::read_dir(sidecar.folder.path().join("work"))?.count();
        ensure!(left == 0, "{left} folders are left");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn some_wait_and_more_are_turned_away() -> Result<()> {
    let place = Place::new(WHITELIST)?.with("HOOK_MAX_CONCURRENT", "1");
    let sidecar = place.start().await?;
    let remote = std::sync::Arc::new(sidecar.remote());
    let run = |command: Command| {
        let remote = std::sync::Arc::clone(&remote);
        tokio::spawn(async move { remote.run(&command, &input(""), &spools()).await.map(|output| output.len()) })
    };
    let first = run(script("while :; do sleep 1; done"));
    let report = |running: usize, waiting: usize| {
        eventually("the queue", SOON, {
            let remote = &remote;
            move || async move {
                let report = remote.report().await?;
                ensure!((report.running, report.waiting) == (running, waiting), "{report:?}");
                Ok(())
            }
        })
    };
    report(1, 0).await?;
    let others: Vec<_> = (0..16).map(|_| run(script("echo done"))).collect();
    report(1, 16).await?;
    let busy = remote.run(&script("echo done"), &input(""), &spools()).await;
    ensure!(matches!(&busy, Err(ExecutorError::Unavailable(why)) if why.contains("taken")), "{busy:?}");
    first.abort();
    for other in others {
        ensure!(other.await?? == 5);
    }
    report(0, 0).await
}

#[tokio::test]
async fn nobody_there_is_unavailable() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let remote = remote(&folder.path().join("none.sock"));
    let error = remote.run(&command("cat", &[]), &input(""), &spools()).await.err().context("it ran")?;
    ensure!(matches!(&error, ExecutorError::Unavailable(why) if why.contains("none.sock")), "{error}");
    ensure!(remote.health().await.is_err());
    Ok(())
}

#[tokio::test]
async fn slow_commands_stop_no_transformation() -> Result<()> {
    let sidecar = Place::new(WHITELIST)?.with("HOOK_MAX_CONCURRENT", "1").start().await?;
    // Both have one turn for commands: one that runs holds them all.
    let controller = Arc::new(remote_with(&sidecar.socket, 1));
    let asked = Arc::clone(&controller);
    let slow = tokio::spawn(async move { asked.run(&script("sleep 600"), &input(""), &spools()).await });
    eventually("the command to run", SOON, async || {
        let health = controller.report().await?;
        ensure!(health.running == 1, "{health:?}");
        Ok(())
    })
    .await?;
    let (program, document, spools) = (jq(".a"), input("{\"a\": 1}"), spools());
    let transformed = tokio::time::timeout(SOON, controller.transform(&program, &document, &spools)).await;
    let transformed = transformed.context("it waits for the command")??;
    ensure!(text(&transformed).await?.trim() == "1");
    ensure!(!slow.is_finished(), "the command did not hold its place");
    slow.abort();
    Ok(())
}
