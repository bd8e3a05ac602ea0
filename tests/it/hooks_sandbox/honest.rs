//! What the sandbox is for runs in it as it does outside.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flux_externalsource::hooks::ExecutorError;
use flux_externalsource::sandbox::{Exit, NEWEST_LANDLOCK, Program, Sandbox, SandboxError, SandboxSettings};

use super::bed::{Bed, bash, limits, perl, program};
use super::unprivileged::{binary, unprivileged};

/// Runs a program under every version of Landlock; it has to succeed with this output.
async fn gives(program: &Program, stdin: &str, expected: &str) -> Result<()> {
    for version in 1..=NEWEST_LANDLOCK {
        let ran = Bed::with_landlock(version)?.run(program, stdin.as_bytes()).await?.succeeded()?;
        ensure!(ran.stdout == expected, "{version}: {ran:?}");
        ensure!(ran.ended.stderr.is_empty(), "{version}: {}", ran.stderr());
    }
    Ok(())
}

unprivileged! {
    async fn cat_gives_back_what_it_reads() -> Result<()> {
        gives(&program("/bin/cat", &[]), "hello", "hello").await
    }

    async fn a_shell_runs_pipelines_with_files() -> Result<()> {
        let script = r#"
            set -eu
            sort | uniq -c | sed 's/^ *//' | awk '{ print $2 "=" $1 }' | tee counts | grep -v b
            mkdir -p a/b; cp counts a/b/; mv a/b/counts a/moved; ln -s a/moved link; cat < link | wc -l
            sed -i s/a/z/ a/moved; head -n 1 a/moved; chmod 600 a/moved; touch -d @0 a/moved; rm -r a
            cat <(echo substituted) - <<< here
            diff <(printf '%s\n' 1 2) <(seq 2) && echo $(( $(echo 20) + 22 ))
            mkfifo pipe; (echo through > pipe) & cat pipe; wait
            kill -TERM $BASHPID
        "#;
        let mut expected = "a=2\nc=1\n3\nz=2\nsubstituted\nhere\n42\nthrough\n".to_owned();
        for version in 1..=NEWEST_LANDLOCK {
            let ran = Bed::with_landlock(version)?.run(&bash(script, ""), b"b\na\nc\na\n").await?;
            ensure!(ran.stdout == expected && ran.ended.exit == Exit::Signal(15), "{version}: {ran:?}");
        }
        expected.clear();
        Ok(())
    }

    async fn perl_forks_and_waits() -> Result<()> {
        let script = r#"$| = 1; for my $n (1..3) { if (!fork) { exit $n } wait; print $? >> 8, "\n" } print <STDIN>;"#;
        gives(&perl(script, ""), "input", "1\n2\n3\ninput").await
    }

    async fn our_own_executable_runs_as_a_program() -> Result<()> {
        let expected = format!("flux-externalsource {}\n", env!("CARGO_PKG_VERSION"));
        gives(&program(Sandbox::own_executable(), &["--version"]), "", &expected).await
    }

    async fn jq_and_python_run_where_they_are() -> Result<()> {
        let python = "import json, sys, hashlib, subprocess; d = json.load(sys.stdin); \
            print(d['a'], hashlib.sha256(b'x').hexdigest()[:4], subprocess.check_output(['echo', 'child']))";
        for (path, args, expected) in [
            ("/usr/bin/jq", ["-c", ".a + 1"], "2\n"),
            ("/usr/bin/python3", ["-c", python], "1 2d71 b'child\\n'\n"),
        ] {
            if Path::new(path).exists() {
                gives(&program(path, &args), r#"{"a":1}"#, expected).await?;
            }
        }
        Ok(())
    }

    async fn the_environment_is_what_was_given_and_the_folder_is_empty() -> Result<()> {
        let mut program = program("/usr/bin/env", &[]);
        gives(&program, "", "").await?;
        program.env.push(("NAME".to_owned(), "a value = of\nmuch".to_owned()));
        gives(&program, "", "NAME=a value = of\nmuch\n").await?;
        gives(&bash("ls -A; umask; test -w . && echo writable", ""), "", "0077\nwritable\n").await
    }

    async fn only_the_standard_streams_are_open() -> Result<()> {
        // The shell looks at its own; nothing of the wrapper or of its parent is there.
        let script = r#"for fd in {0..255}; do [[ -L /proc/self/fd/$fd ]] && echo -n "$fd "; done; true"#;
        gives(&bash(script, ""), "", "0 1 2 ").await
    }

    async fn exit_codes_signals_and_standard_error_are_told() -> Result<()> {
        let bed = Bed::new()?;
        let ran = bed.run(&bash("echo why >&2; exit 5", ""), b"").await?;
        ensure!(ran.ended.exit == Exit::Code(5) && ran.stderr() == "why\n" && ran.ended.limit.is_none(), "{ran:?}");
        let ran = bed.run(&bash("kill -9 $$", ""), b"").await?;
        ensure!(ran.ended.exit == Exit::Signal(9) && ran.ended.limit.is_none(), "{ran:?}");
        bed.is_clean("no mark")
    }

    async fn what_cannot_be_executed_is_told() -> Result<()> {
        let bed = Bed::new()?;
        for path in ["/usr/bin/no-such-program", "/etc/passwd", "/usr"] {
            let error = bed.start(&program(path, &[]))?.end().await.err();
            ensure!(matches!(error, Some(SandboxError::Program(_))), "{path}: {error:?}");
        }
        let long = "x".repeat(1 << 20);
        let error = bed.start(&program("/bin/echo", &[&long]))?.end().await.err();
        ensure!(matches!(error, Some(SandboxError::TooLong)), "{error:?}");
        bed.is_clean("no mark")
    }

    async fn a_shortage_of_processes_says_nothing_about_the_program() -> Result<()> {
        // A wrapper that may not fork, and one that may.
        let folder = tempfile::tempdir()?;
        for (limit, is_enough) in [("ulimit -u 1", false), ("true", true)] {
            let wrapper = folder.path().join(limit.replace(' ', "-"));
            let script = format!("#!/bin/bash\n{limit}\nexec {} \"$@\"\n", binary().display());
            std::fs::write(&wrapper, script)?;
            std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755))?;
            let sandbox = Sandbox::new(SandboxSettings { wrapper, ..SandboxSettings::new(folder.path()) })?;
            let ended = sandbox.start(&program("/bin/true", &[]), &limits())?.end().await;
            if is_enough {
                ensure!(ended?.exit == Exit::Code(0));
                continue;
            }
            let error = ended.err().context("it ran")?;
            ensure!(matches!(&error, SandboxError::Start(why) if why.raw_os_error() == Some(libc::EAGAIN)), "{error:?}");
            let error = ExecutorError::from(error);
            ensure!(matches!(error, ExecutorError::Unavailable(_)), "{error:?}");
        }
        Ok(())
    }
}
