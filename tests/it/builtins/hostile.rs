//! What expressions and documents can do to a process ends as an error of that one process: in the sandbox, with the
//! limits of a small hook.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use flux_externalsource::sandbox::{Ended, Exit, Limit, Limits, Program as Command, Sandbox, SandboxSettings};
use flux_externalsource::transform::{Problem, ProblemKind, Program, Step};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{cel, framed, jq, steps};
use crate::harness::BINARY;

const LIMITS: Limits = Limits {
    // Processor time ends what never ends, so that a busy machine ends nothing else.
    time: Duration::from_secs(60),
    cpu: Duration::from_secs(4),
    memory: 256 << 20,
    processes: 8,
    files: 64,
    disk: 1 << 20,
    stdin: 64 << 20,
    stdout: 16 << 20,
    stderr: 64 << 10,
};

/// How a program has to end.
enum End {
    /// By itself, saying why.
    Problem(ProblemKind),
    /// By a signal or a limit.
    Killed,
    /// Any of both.
    Failed,
}

async fn run(program: &Program, document: &[u8]) -> Result<Ended> {
    let folder = tempfile::tempdir()?;
    let settings = SandboxSettings { wrapper: BINARY.into(), ..SandboxSettings::new(folder.path()) };
    let sandbox = Sandbox::new(settings)?;
    let args = vec!["builtin".to_owned(), "transform".to_owned()];
    let command = Command { path: Sandbox::own_executable(), args, env: Vec::new(), proxy: None };
    let mut running = sandbox.start(&command, &LIMITS)?;
    let (mut stdin, mut stdout) = (running.stdin.take().context("stdin")?, running.stdout.take().context("stdout")?);
    let input = framed(program, document)?;
    let write = tokio::spawn(async move { stdin.write_all(&input).await });
    let mut output = Vec::new();
    // As whoever moves the bytes does.
    let most = (&mut stdout).take(LIMITS.stdout).read_to_end(&mut output).await?;
    if most as u64 >= LIMITS.stdout {
        running.stop(Limit::Stdout);
    }
    drop(stdout);
    let ended = running.end().await?;
    // It may have read no more.
    let _ = write.await?;
    Ok(ended)
}

async fn expect(what: &str, program: &Program, document: &[u8], end: End) -> Result<()> {
    let ended = run(program, document).await.with_context(|| what.to_owned())?;
    let succeeded = ended.exit == Exit::Code(0) && ended.limit.is_none();
    ensure!(!succeeded, "{what}: it succeeded");
    let problem = || serde_json::from_slice::<Problem>(&ended.stderr);
    match end {
        End::Problem(kind) => {
            let problem = problem().with_context(|| format!("{what}: {ended:?}"))?;
            ensure!(problem.kind == kind && ended.exit == Exit::Code(1), "{what}: {problem:?} {ended:?}");
        }
        End::Killed if ended.limit.is_some() || matches!(ended.exit, Exit::Signal(_)) => {}
        End::Killed => bail!("{what}: {ended:?}"),
        End::Failed => {}
    }
    Ok(())
}

async fn step(step: Step, end: End) -> Result<()> {
    let what = format!("{step:?}").chars().take(80).collect::<String>();
    expect(&what, &steps(vec![step]), b"{\"items\":[1]}", end).await
}

fn nested(depth: usize) -> Vec<u8> {
    ["[".repeat(depth), "]".repeat(depth)].concat().into_bytes()
}

#[tokio::test]
async fn jq_programs_that_overflow_the_stack_or_never_end_are_ended() -> Result<()> {
    for source in [
        "def f: 1 + f; f",
        "def f(x): f(x + 1); f(0)",
        "def f: f; f",
        "[range(30000000)] | length",
        "[limit(100000000; repeat(\"x\"))] | length",
        "reduce range(1000000000) as $i (0; . + 1)",
        "last(range(1e12))",
        "def f: [f]; f",
        "[recurse([., .])] | length",
        "until(false; . )",
    ] {
        step(jq(source), End::Killed).await?;
    }
    // Both would be a flood, whatever ends them first.
    for source in
        ["repeat(\"x\" * 1000)", "range(1e9) | tostring", "\"x\" * 1000000000", "[range(10000000)] | tojson | length"]
    {
        step(jq(source), End::Failed).await?;
    }
    Ok(())
}

#[tokio::test]
async fn jq_programs_cannot_leave_read_the_environment_or_write_elsewhere() -> Result<()> {
    for source in [
        "halt(3)",
        "halt",
        "halt_error",
        "\"x\" | halt_error(0)",
        "env",
        "$ENV",
        "env.PATH",
        "debug",
        "stderr",
        "input_filename",
        "now",
        "localtime",
        "import \"/etc/passwd\" as $x; $x",
        "include \"/etc/hostname\"; .",
        "get_search_list",
    ] {
        step(jq(source), End::Problem(ProblemKind::Expression)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn expressions_that_are_too_long_or_too_deep_are_refused() -> Result<()> {
    let parentheses = |count: usize| format!("{}1{}", "(".repeat(count), ")".repeat(count));
    let terms = |count: usize| vec!["1"; count].join("+");
    let lists = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let choices = format!("{}1", "true ? 1 : ".repeat(180));
    for source in [parentheses(500), lists, choices, terms(2000)] {
        step(cel(&source), End::Problem(ProblemKind::Expression)).await?;
    }
    for source in [parentheses(2000), terms(2000)] {
        step(jq(&source), End::Problem(ProblemKind::Expression)).await?;
    }
    // As long as is allowed: on the large stack no parser runs out of it.
    for step in
        [jq(&parentheses(1000)), cel(&terms(400)), jq(&terms(1000)), jq(&"-".repeat(2000)), jq(&"[".repeat(2000))]
    {
        let ended = run(&steps(vec![step.clone()]), b"1").await?;
        ensure!(matches!(ended.exit, Exit::Code(0 | 1)) && ended.limit.is_none(), "{step:?}: {ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn cel_expressions_without_end_are_ended() -> Result<()> {
    let numbers = (0..200).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let document = format!("{{\"l\":[{numbers}]}}");
    // Five levels: in a release build three take seconds only.
    let source = "body.l.all(a, body.l.all(b, body.l.all(c, body.l.all(d, body.l.all(e, a + b + c + d + e >= 0)))))";
    expect("nested all", &steps(vec![cel(source)]), document.as_bytes(), End::Killed).await?;
    let source = "body.l.map(a, body.l.map(b, body.l.map(c, body.l.map(d, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'))))";
    expect("nested map", &steps(vec![cel(source)]), document.as_bytes(), End::Killed).await
}

#[tokio::test]
async fn documents_that_are_too_deep_are_refused() -> Result<()> {
    let same = steps(vec![jq(".")]);
    for depth in [1_000, 5_000, 1_000_000] {
        expect("nested", &same, &nested(depth), End::Problem(ProblemKind::Input)).await?;
        expect("cut off", &same, &nested(depth)[..depth], End::Problem(ProblemKind::Input)).await?;
        let blocks = "- ".repeat(depth.min(100_000));
        expect("YAML", &same, blocks.as_bytes(), End::Failed).await?;
    }
    let objects = format!("{}1{}", "{\"a\":".repeat(5_000), "}".repeat(5_000));
    expect("objects", &same, objects.as_bytes(), End::Problem(ProblemKind::Input)).await?;
    // A value that a program makes so deep.
    let deep = steps(vec![jq("reduce range(5000) as $i (1; [.])")]);
    expect("made deep", &deep, b"1", End::Problem(ProblemKind::Evaluation)).await?;
    let text = steps(vec![jq("(\"[\" * 5000) | fromjson")]);
    expect("fromjson", &text, b"1", End::Problem(ProblemKind::Evaluation)).await
}

#[tokio::test]
async fn aliases_of_yaml_cannot_multiply_without_end() -> Result<()> {
    let aliases = |level: usize| vec![format!("*a{}", level - 1); 10].join(",");
    let levels = (1..12).map(|level| format!("a{level}: &a{level} [{}]\n", aliases(level)));
    let bomb: String = std::iter::once("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned()).chain(levels).collect();
    expect("aliases", &steps(vec![jq(".")]), bomb.as_bytes(), End::Problem(ProblemKind::Input)).await
}

#[tokio::test]
async fn frames_that_are_none_are_refused() -> Result<()> {
    for frame in
        [&b""[..], b"\0\0", b"\0\0\0\x05{}", b"\xff\xff\xff\xff{}", b"\0\0\0\x02{}", b"\0\0\0\x04CANA", b"\0\0\0\0"]
    {
        let ran = super::built_in(&["transform"], frame).await?;
        let problem: Problem = serde_json::from_str(&ran.stderr)?;
        ensure!(ran.code == Some(1) && problem.kind == ProblemKind::Input && !ran.stderr.contains("CANA"), "{ran:?}");
    }
    Ok(())
}
