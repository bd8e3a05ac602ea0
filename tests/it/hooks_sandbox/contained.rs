//! Programs that take all they can get. Each is ended by the right limit, leaves nothing, and lets others work meanwhile.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::sandbox::{Exit, Limit, Limits, Program};

use super::bed::{Bed, Ran, bash, mark, marked, perl, program};
use super::unprivileged::unprivileged;

/// Runs a hostile program, and honest ones next to it until it has ended.
async fn contained(limit: Limit, mark: &str, program: &Program, change: impl FnOnce(&mut Limits)) -> Result<Ran> {
    let mut bed = Bed::new()?;
    change(&mut bed.limits);
    let has_ended = Cell::new(false);
    let hostile = async {
        let ran = bed.run(program, b"").await;
        has_ended.set(true);
        let ran = ran?.hit(limit)?;
        bed.is_clean(mark)?;
        anyhow::Ok(ran)
    };
    let others = async {
        let (bed, honest) = (Bed::new()?, bash("tr a-z A-Z | rev", ""));
        while !has_ended.get() {
            let ran = bed.run(&honest, b"hello").await?.succeeded()?;
            ensure!(ran.stdout.trim() == "OLLEH", "{ran:?}");
        }
        anyhow::Ok(())
    };
    Ok(tokio::try_join!(hostile, others)?.0)
}

/// Set for tests that are hostile programs.
const HOSTILE: &str = "SANDBOX_TEST_HOSTILE";

#[test]
#[ignore = "a hostile program, for the sandbox"]
fn threads() {
    if std::env::var_os(HOSTILE).is_some() {
        let park = || loop {
            std::thread::park();
        };
        let threads: Vec<_> = (0..1000).map(|_| std::thread::spawn(park)).collect();
        for thread in threads {
            drop(thread.join());
        }
    }
}

/// Lets `$STAY` be a command that carries the mark, says that it is there, and stays.
const STAY: &str = "echo ': > here; sleep 1000; :' > stay; export STAY=\"bash stay $0\"";

/// Waits until such a command is there.
const ONCE_IT_STAYS: &str = "until [ -e here ]; do sleep 0.01; done;";

fn as_it_is(_: &mut Limits) {}

unprivileged! {
    async fn a_fork_bomb_is_ended() -> Result<()> {
        let mark = mark();
        let script = "bomb() { bomb | bomb & }; bomb; sleep 1000";
        let ran = contained(Limit::Processes, &mark, &bash(script, &mark), as_it_is).await?;
        ensure!(ran.ended.exit == Exit::Signal(9), "{ran:?}");
        Ok(())
    }

    async fn a_fork_bomb_whose_processes_exit_at_once_is_ended() -> Result<()> {
        // There are never many at once, and never the same ones: only the processor time of all shows them.
        let mark = mark();
        let script = "sub run { while (1) { exit 0 if fork } } run();";
        let script = format!("if (fork) {{ sleep 1000 }} {script}");
        contained(Limit::Cpu, &mark, &perl(&script, &mark), |limits| limits.cpu = Duration::from_millis(500)).await?;
        Ok(())
    }

    async fn children_that_nobody_waits_for_are_counted() -> Result<()> {
        let mark = mark();
        let script = "for (1..100) { exit 0 if !fork } sleep 1000";
        contained(Limit::Processes, &mark, &perl(script, &mark), as_it_is).await?;
        Ok(())
    }

    async fn names_hide_nothing() -> Result<()> {
        let mark = mark();
        // No text, and what looks like the end of a name.
        for name in ["\\xff\\xfe", ") R 1 (", "\\n"] {
            let script = format!("for (1..100) {{ last if !fork }} $0 = \"{name}\"; sleep 1000");
            let ran = contained(Limit::Processes, &mark, &perl(&script, &mark), as_it_is).await;
            ran.with_context(|| format!("{name:?}"))?;
        }
        let script = format!(
            "mkdir qq(\\xff);
            for my $n (1..20) {{
                my $name = qq(\\xff/\\n\\xfe); open(my $f, '+>', $name); print $f 'x' x (1 << 20); $f->flush; unlink $name;
                syscall({}, 0, 1 << 20, 3, 1, fileno($f), 0); close $f;
            }}
            sleep 1000",
            libc::SYS_mmap
        );
        contained(Limit::Disk, &mark, &perl(&format!("use IO::Handle; {script}"), &mark), as_it_is).await?;
        Ok(())
    }

    async fn a_great_many_mappings_are_too_many() -> Result<()> {
        let mark = mark();
        // Every other page of one mapping, so that the kernel cannot join them.
        let script = format!(
            "my $at = syscall({}, 0, 60000 << 12, 0, 0x22, -1, 0);
            for (my $n = 0; $n < 60000; $n += 2) {{ syscall({}, $at + ($n << 12), 1 << 12, 1) }}
            sleep 1000",
            libc::SYS_mmap, libc::SYS_mprotect
        );
        contained(Limit::Memory, &mark, &perl(&script, &mark), as_it_is).await?;
        Ok(())
    }

    async fn threads_are_counted() -> Result<()> {
        let mark = mark();
        let mut program = program(&std::env::current_exe()?, &["--exact", "hooks_sandbox::contained::threads", "--ignored"]);
        program.args.push(mark.clone());
        program.env.push((HOSTILE.to_owned(), String::new()));
        contained(Limit::Processes, &mark, &program, as_it_is).await?;
        Ok(())
    }

    async fn memory_of_one_process_is_limited() -> Result<()> {
        let mark = mark();
        let script = "my @all; while (1) { push @all, 'x' x (1 << 20) }";
        let ran = contained(Limit::Memory, &mark, &perl(script, &mark), as_it_is).await?;
        ensure!(ran.ended.usage.memory > 128 << 20, "{:?}", ran.ended.usage);
        Ok(())
    }

    async fn memory_of_many_processes_is_counted_together() -> Result<()> {
        let mark = mark();
        let script = "for (1..20) { if (!fork) { my $x = 'x' x (10 << 20); sleep 1000 } } sleep 1000";
        contained(Limit::Memory, &mark, &perl(script, &mark), as_it_is).await?;
        Ok(())
    }

    async fn memory_that_processes_share_is_counted_once() -> Result<()> {
        let script = "my $x = 'x' x (60 << 20); for (1..10) { if (!fork) { sleep 1; exit 0 } } 1 while wait > 0; print 'ok'";
        let mut bed = Bed::new()?;
        bed.limits.memory = 160 << 20;
        let ran = bed.run(&perl(script, ""), b"").await?.succeeded()?;
        ensure!(ran.stdout == "ok" && ran.ended.usage.memory > 60 << 20, "{ran:?}");
        Ok(())
    }

    async fn shared_memory_that_is_not_mapped_is_counted() -> Result<()> {
        let mark = mark();
        // Touched, and then taken out of the page tables: in no process's resident memory, and still there.
        let script = format!(
            "open(my $zero, '<', '/dev/zero'); my $size = 16 << 20;
            while (1) {{
                my $at = syscall({}, 0, $size, 3, 0x21, -1, 0);
                syscall({}, fileno($zero), $at, $size);
                syscall({}, $at, $size, 4);
                select(undef, undef, undef, 0.01);
            }}",
            libc::SYS_mmap, libc::SYS_read, libc::SYS_madvise
        );
        contained(Limit::Memory, &mark, &perl(&script, &mark), as_it_is).await?;
        Ok(())
    }

    async fn buffers_in_the_kernel_are_counted() -> Result<()> {
        let mark = mark();
        let script = "use Socket;
            for (1..20) { last if !fork }
            my @all; my $x = 'x' x (1 << 20);
            for (1..40) {
                socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, 0) || die $!;
                for ($a, $b) { $_->blocking(0); syswrite($_, $x) }
                push @all, $a, $b;
            }
            sleep 1000";
        let script = format!("use IO::Handle; {script}");
        contained(Limit::Memory, &mark, &perl(&script, &mark), as_it_is).await?;
        Ok(())
    }

    async fn processor_time_is_limited() -> Result<()> {
        let mark = mark();
        let script = "while :; do :; done";
        let one = |limits: &mut Limits| limits.cpu = Duration::from_millis(300);
        let ran = contained(Limit::Cpu, &mark, &bash(script, &mark), one).await?;
        ensure!(ran.ended.usage.cpu >= Duration::from_millis(250), "{:?}", ran.ended.usage);
        // Children count, those too that have ended, and no signal can be ignored.
        let script = "trap '' XCPU; while :; do (for ((i = 0; i < 10000; i++)); do :; done); done";
        contained(Limit::Cpu, &mark, &bash(script, &mark), one).await?;
        Ok(())
    }

    async fn time_is_limited() -> Result<()> {
        let mark = mark();
        let script = "trap '' TERM INT HUP; sleep 1000 & while :; do sleep 1000; done";
        let short = |limits: &mut Limits| limits.time = Duration::from_millis(700);
        let ran = contained(Limit::Time, &mark, &bash(script, &mark), short).await?;
        ensure!(ran.ended.usage.time >= Duration::from_millis(700), "{:?}", ran.ended.usage);
        Ok(())
    }

    async fn the_disk_is_limited() -> Result<()> {
        let mark = mark();
        for script in [
            // One file, more than it may be long.
            "exec cat /dev/zero > file",
            // Several that each may.
            "for i in {1..10}; do head -c 4M /dev/zero > $i; done; sleep 1000",
            // None that has a name.
            "for i in {1..10}; do exec {fd}<>f; rm f; head -c 2M /dev/zero >&$fd; done; sleep 1000",
            // Many that are empty.
            "mkdir -p a/b; while :; do : > a/b/$((i++)); done",
            // Deeper than can be looked into.
            "while :; do mkdir d; cd d; done",
            // Closed to whoever looks.
            "perl -e 'mkdir q(d), 0; sleep 1000'",
        ] {
            contained(Limit::Disk, &mark, &bash(script, &mark), as_it_is).await?;
        }
        Ok(())
    }

    async fn a_deleted_file_that_is_only_mapped_is_counted() -> Result<()> {
        let mark = mark();
        let script = format!(
            "for my $n (1..20) {{
                open(my $f, '+>', 'f'); print $f 'x' x (1 << 20); $f->flush; unlink 'f';
                syscall({}, 0, 1 << 20, 3, 1, fileno($f), 0); close $f;
            }}
            sleep 1000",
            libc::SYS_mmap
        );
        contained(Limit::Disk, &mark, &perl(&format!("use IO::Handle; {script}"), &mark), as_it_is).await?;
        Ok(())
    }

    async fn a_flood_of_output_is_ended() -> Result<()> {
        let mark = mark();
        contained(Limit::Stdout, &mark, &bash("yes & yes", &mark), as_it_is).await?;
        Ok(())
    }

    async fn a_flood_of_errors_is_thrown_away() -> Result<()> {
        let bed = Bed::new()?;
        let ran = bed.run(&bash("yes | head -c 20M >&2; echo done", ""), b"").await?.succeeded()?;
        ensure!(ran.stdout == "done\n" && ran.ended.stderr.len() == 4 << 10, "{} bytes", ran.ended.stderr.len());
        bed.is_clean("no mark")
    }

    async fn input_that_nobody_reads_holds_nothing_up() -> Result<()> {
        let bed = Bed::new()?;
        let ran = bed.run(&program("/bin/true", &[]), &vec![0; 1 << 20]).await?.succeeded()?;
        ensure!(ran.stdout.is_empty(), "{ran:?}");
        bed.is_clean("no mark")
    }

    async fn what_a_program_leaves_running_ends_with_it() -> Result<()> {
        let mark = mark();
        for script in [
            "$STAY &",
            "(trap '' HUP TERM; $STAY) & disown",
            "(setsid $STAY || $STAY) &",
            "(set -m; $STAY &)",
            // Not holding the pipes.
            "(exec >/dev/null 2>&1 </dev/null; $STAY) &",
            "nohup $STAY >/dev/null 2>&1 &",
            "exec {fd}< <($STAY)",
        ] {
            let bed = Bed::new()?;
            let script = format!("{STAY}\n{script}\n{ONCE_IT_STAYS} exit 7");
            let ran = bed.run(&bash(&script, &mark), b"").await?;
            ensure!(ran.ended.exit == Exit::Code(7) && ran.ended.limit.is_none(), "{script}: {ran:?}");
            bed.is_clean(&mark)?;
        }
        Ok(())
    }

    async fn a_daemon_ends_with_the_program_that_started_it() -> Result<()> {
        let (bed, mark) = (Bed::new()?, mark());
        let script = "use POSIX ();
            sub refused { print $_[0] == -1 && $!{EPERM} ? 'refused ' : 'done ' }
            if (!fork) {
                refused(POSIX::setsid()); refused(POSIX::setpgid(0, 0) // -1);
                if (!fork) { sleep 1000 }
                exit 0
            }
            wait; print 'left'";
        let ran = bed.run(&perl(&format!("use Errno; $| = 1; {script}"), &mark), b"").await?.succeeded()?;
        ensure!(ran.stdout == "refused refused left", "{ran:?}");
        bed.is_clean(&mark)
    }

    async fn what_leaves_the_process_group_ends_too_where_nothing_keeps_it_in() -> Result<()> {
        let (bed, mark) = (Bed::unconfined()?, mark());
        let script = format!("{STAY}\nsetsid bash -c 'setsid $STAY & sleep 1000; :' $0 &\n{ONCE_IT_STAYS} exit 7");
        let ran = bed.run(&bash(&script, &mark), b"").await?;
        ensure!(ran.ended.exit == Exit::Code(7) && ran.ended.limit.is_none(), "{ran:?}");
        bed.is_clean(&mark)?;
        let script = "bomb() { bomb | setsid bash -c \"$(declare -f bomb); bomb\" $0 & }; bomb; sleep 1000";
        bed.run(&bash(script, &mark), b"").await?.hit(Limit::Processes)?;
        bed.is_clean(&mark)
    }

    async fn dropping_a_program_ends_it() -> Result<()> {
        let (bed, mark) = (Bed::new()?, mark());
        let running = bed.start(&bash("sleep 1000 & sleep 1000", &mark))?;
        super::bed::until("it runs", async || Ok(!marked(&mark)?.is_empty())).await?;
        drop(running);
        super::bed::until("it is gone", async || Ok(bed.is_clean(&mark).is_ok())).await
    }
}
