//! Several programs of one user at once: none of them learns of another, or gets at it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::sandbox::{Exit, NEWEST_LANDLOCK, Running};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::attack::Attack;
use super::bed::{Bed, bash, mark};
use super::unprivileged::unprivileged;

/// A program that waits for its input with a secret in its environment, its arguments and a file.
struct Victim {
    running: Running,
    stdout: BufReader<tokio::process::ChildStdout>,
    pid: PathBuf,
    wrapper: PathBuf,
    folder: PathBuf,
}

impl Victim {
    async fn start(bed: &Bed) -> Result<Self> {
        let mut program =
            bash("echo file > secret; echo $$ $PPID $PWD; read -r line; echo $line $SECRET $(< secret)", &mark());
        program.env.push(("SECRET".to_owned(), "environment".to_owned()));
        let mut running = bed.start(&program)?;
        let mut stdout = BufReader::new(running.stdout.take().context("no stdout")?);
        let mut said = String::new();
        stdout.read_line(&mut said).await?;
        let mut words = said.split_ascii_whitespace().map(PathBuf::from);
        let mut word = || words.next().context("it says less");
        Ok(Self { pid: word()?, wrapper: word()?, folder: word()?, running, stdout })
    }

    /// Fails unless the program does as if nothing had been.
    async fn ends_well(mut self) -> Result<()> {
        let mode = std::fs::metadata(&self.folder)?.permissions().mode() & 0o777;
        ensure!(mode == 0o700, "the mode of its folder is {mode:o}");
        let mut stdin = self.running.stdin.take().context("no stdin")?;
        stdin.write_all(b"input\n").await?;
        let mut said = String::new();
        self.stdout.read_to_string(&mut said).await?;
        let ended = self.running.end().await?;
        ensure!(said == "input environment file\n" && ended.exit == Exit::Code(0), "{said:?}, {ended:?}");
        Ok(())
    }
}

/// What a program could do to others of its user by their numbers.
const PROCESSES: &str = r#"
    my ($folder, @pids) = @ARGV;
    for my $pid (@pids) {
        for my $name ('environ', 'cmdline', 'maps', 'mem', 'stat', 'auxv', 'io') {
            attempt("$name of $pid", sub { my ($f, $x); open($f, '<', "/proc/$pid/$name") && ($name eq 'mem' || defined sysread($f, $x, 1)) });
        }
        attempt("adjust $pid", sub { my ($f); open($f, '>', "/proc/$pid/oom_score_adj") });
        for my $name ('fd', 'cwd', 'root', 'task', 'map_files') {
            attempt("$name of $pid", sub { my ($d); opendir($d, "/proc/$pid/$name") && readdir $d });
        }
        attempt("link to what $pid has open", sub { readlink "/proc/$pid/fd/0" });
        attempt("signal $pid", sub { kill 'CONT', $pid });
        attempt("look for $pid", sub { kill 0, $pid });
        attempt("signal a thread of $pid", sub { syscall(TGKILL, $pid, $pid, 18) == 0 });
        attempt("signal thread $pid", sub { syscall(TKILL, $pid, 18) == 0 });
        attempt("priority of $pid", sub { syscall(SETPRIORITY, 0, $pid, 19) == 0 });
        attempt("processors of $pid", sub { my $set = "\xff" x 128; syscall(SETAFFINITY, $pid, 128, $set) == 0 });
        attempt("limits of $pid", sub { my $limit = pack('QQ', 0, 0); syscall(PRLIMIT, $pid, 4, $limit, 0) == 0 });
        attempt("have a signal sent to $pid", sub { my ($r, $w); pipe($r, $w); fcntl($r, 8, $pid + 0) });
    }
    attempt('a file of another', sub { my ($f); open($f, '<', "$folder/secret") && <$f> });
    attempt('a file in the folder of another', sub { my ($f); open($f, '>', "$folder/new") });
    attempt('look into the folder of another', sub { my ($d); opendir($d, $folder) });
    attempt('look into the folder of folders', sub { my ($d); opendir($d, "$folder/..") });
    attempt('take a file of another', sub { rename("$folder/new", 'mine') });
    attempt('take a second name for a file of another', sub { link("$folder/secret", 'mine too') && unlink('mine too') });
    attempt('remove a file of another', sub { my ($f); open($f, '>', "$folder/new2"); unlink "$folder/new2" });
    attempt('make a folder there', sub { mkdir("$folder/x") && rmdir("$folder/x") });
    attempt('make a folder beside it', sub { mkdir("$folder/../x") && rmdir("$folder/../x") });
    attempt('move the folder of another', sub { rename($folder, "$folder.") && rename("$folder.", $folder) });
"#;

unprivileged! {
    async fn a_program_cannot_get_at_another_or_at_who_runs_it() -> Result<()> {
        let bed = Bed::new()?;
        let own = PathBuf::from(std::process::id().to_string());
        let mut script = PROCESSES.to_owned();
        for (name, call) in [
            ("TGKILL", libc::SYS_tgkill),
            ("TKILL", libc::SYS_tkill),
            ("SETPRIORITY", libc::SYS_setpriority),
            ("SETAFFINITY", libc::SYS_sched_setaffinity),
            ("PRLIMIT", libc::SYS_prlimit64),
        ] {
            script = script.replace(name, &call.to_string());
        }
        let attack = |victim: &Victim| {
            let (folder, pid) = (victim.folder.clone(), victim.pid.clone());
            Attack::new(&script, [&*folder, &*pid, &*victim.wrapper, &*own].map(Path::to_owned).iter().map(PathBuf::as_path))
        };
        let outside = Victim::start(&bed).await?;
        attack(&outside).succeeds_outside()?;
        drop(outside);
        for version in 1..=NEWEST_LANDLOCK {
            let victim = Victim::start(&bed).await?;
            attack(&victim).fails_inside(&Bed::with_landlock(version)?).await.with_context(|| format!("Landlock {version}"))?;
            victim.ends_well().await.with_context(|| format!("Landlock {version}"))?;
        }
        Ok(())
    }

    async fn a_signal_to_everybody_reaches_nobody_else() -> Result<()> {
        let bed = Bed::new()?;
        for version in 1..=NEWEST_LANDLOCK {
            let victim = Victim::start(&bed).await?;
            // It says that it was done when it was refused for everybody there is.
            let script = "kill -KILL -1; kill -TERM 0; echo not reached";
            let ran = Bed::with_landlock(version)?.run(&bash(script, ""), b"").await?;
            ensure!(ran.ended.exit == Exit::Signal(15) && ran.stdout.is_empty(), "{ran:?}");
            victim.ends_well().await.with_context(|| format!("Landlock {version}"))?;
        }
        Ok(())
    }

    async fn permissions_of_others_are_left_alone_and_nothing_is_said() -> Result<()> {
        let outside = tempfile::tempdir()?;
        let file = outside.path().join("socket");
        std::fs::write(&file, "")?;
        let before = std::fs::metadata(&file)?.permissions().mode();
        let script = "my ($file) = @ARGV; print chmod(0, $file), chmod(0, '.'), chown($<, -1, $file);";
        for version in 1..=NEWEST_LANDLOCK {
            let bed = Bed::with_landlock(version)?;
            let ran = bed.run(&Attack::new(script, [&*file]).program(), b"").await?.succeeded()?;
            ensure!(ran.stdout == "110" && std::fs::metadata(&file)?.permissions().mode() == before, "{version}: {ran:?}");
        }
        Ok(())
    }
}
