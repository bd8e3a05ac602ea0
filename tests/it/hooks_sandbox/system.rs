//! System calls that reach for the kernel or for others.

use anyhow::{Result, ensure};
use flux_externalsource::sandbox::{NEWEST_LANDLOCK, Sandbox, SandboxError, SandboxSettings};

use super::bed::{Bed, Ran, bash, perl};
use super::unprivileged::unprivileged;

/// Calls that do not exist for a program, whatever their arguments.
const MISSING: &[(&str, libc::c_long)] = &[
    ("accept4", libc::SYS_accept4),
    ("add_key", libc::SYS_add_key),
    ("bind", libc::SYS_bind),
    ("bpf", libc::SYS_bpf),
    ("chroot", libc::SYS_chroot),
    ("clock_settime", libc::SYS_clock_settime),
    ("clone3", libc::SYS_clone3),
    ("delete_module", libc::SYS_delete_module),
    ("execveat", libc::SYS_execveat),
    ("fanotify_init", libc::SYS_fanotify_init),
    ("fchmodat2", 452),
    ("finit_module", libc::SYS_finit_module),
    ("fsopen", libc::SYS_fsopen),
    ("init_module", libc::SYS_init_module),
    ("inotify_init1", libc::SYS_inotify_init1),
    ("io_setup", libc::SYS_io_setup),
    ("io_uring_enter", libc::SYS_io_uring_enter),
    ("io_uring_register", libc::SYS_io_uring_register),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("ioprio_set", libc::SYS_ioprio_set),
    ("kcmp", libc::SYS_kcmp),
    ("kexec_load", libc::SYS_kexec_load),
    ("keyctl", libc::SYS_keyctl),
    ("landlock_create_ruleset", 444),
    ("listen", libc::SYS_listen),
    ("lsetxattr", libc::SYS_lsetxattr),
    ("memfd_create", libc::SYS_memfd_create),
    ("memfd_secret", 447),
    ("migrate_pages", libc::SYS_migrate_pages),
    ("mount", libc::SYS_mount),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("move_mount", libc::SYS_move_mount),
    ("move_pages", libc::SYS_move_pages),
    ("mq_open", libc::SYS_mq_open),
    ("msgget", libc::SYS_msgget),
    ("open_by_handle_at", libc::SYS_open_by_handle_at),
    ("open_tree", libc::SYS_open_tree),
    ("openat2", libc::SYS_openat2),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("personality", libc::SYS_personality),
    ("pidfd_getfd", libc::SYS_pidfd_getfd),
    ("pidfd_open", libc::SYS_pidfd_open),
    ("pidfd_send_signal", libc::SYS_pidfd_send_signal),
    ("pivot_root", libc::SYS_pivot_root),
    ("process_madvise", libc::SYS_process_madvise),
    ("process_vm_readv", libc::SYS_process_vm_readv),
    ("process_vm_writev", libc::SYS_process_vm_writev),
    ("ptrace", libc::SYS_ptrace),
    ("quotactl", libc::SYS_quotactl),
    ("reboot", libc::SYS_reboot),
    ("request_key", libc::SYS_request_key),
    ("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo),
    ("rt_tgsigqueueinfo", libc::SYS_rt_tgsigqueueinfo),
    ("sched_setscheduler", libc::SYS_sched_setscheduler),
    ("seccomp", libc::SYS_seccomp),
    ("semget", libc::SYS_semget),
    ("sendmmsg", libc::SYS_sendmmsg),
    ("sendmsg", libc::SYS_sendmsg),
    ("sethostname", libc::SYS_sethostname),
    ("setns", libc::SYS_setns),
    ("setuid", libc::SYS_setuid),
    ("setxattr", libc::SYS_setxattr),
    ("shmget", libc::SYS_shmget),
    ("swapon", libc::SYS_swapon),
    ("syslog", libc::SYS_syslog),
    ("umount2", libc::SYS_umount2),
    ("unshare", libc::SYS_unshare),
    ("userfaultfd", libc::SYS_userfaultfd),
    ("vmsplice", libc::SYS_vmsplice),
    // What no kernel has yet.
    ("the future", 1000),
    // getpid(2) of the x32 ABI.
    ("x32", 0x4000_0000 + 39),
];

/// Calls that exist, with arguments that are refused; the last column has what they would do outside.
#[rustfmt::skip]
const REFUSED: &[(&str, libc::c_long, &[i64])] = &[
    ("a new user namespace", libc::SYS_clone, &[0x1000_0011, 0, 0, 0, 0]),
    ("a new mount namespace among other flags", libc::SYS_clone, &[0x0002_0211, 0, 0, 0, 0]),
    ("leave the session", libc::SYS_setsid, &[]),
    ("leave the process group", libc::SYS_setpgid, &[0, 0]),
    ("outlive the parent", libc::SYS_prctl, &[1, 0, 0, 0, 0]),
    ("outlive the parent, with garbage in the upper half", libc::SYS_prctl, &[0x1_0000_0001, 0, 0, 0, 0]),
    ("be adopted", libc::SYS_prctl, &[36, 1, 0, 0, 0]),
    ("close /proc to the wrapper", libc::SYS_prctl, &[4, 0, 0, 0, 0]),
    ("let others trace", libc::SYS_prctl, &[0x5961_6d61, -1, 0, 0, 0]),
    ("type into a terminal", libc::SYS_ioctl, &[0, 0x5412, 0]),
    ("type into a terminal, with garbage in the upper half", libc::SYS_ioctl, &[0, 0x1_0000_5412, 0]),
    ("paste into a terminal", libc::SYS_ioctl, &[0, 0x541c, 0]),
    ("have signals sent", libc::SYS_fcntl, &[0, 8, 1]),
    ("choose the signal", libc::SYS_fcntl, &[0, 10, 9]),
    ("enlarge a pipe", libc::SYS_fcntl, &[0, 1031, 1 << 20]),
    ("be nice on behalf of the user", libc::SYS_setpriority, &[2, 0, 19]),
    ("sockets of another kind, with garbage in the upper half", libc::SYS_socketpair, &[1, 0x1_0000_0002, 0, 0]),
];

/// Makes every call; prints its name and error.
fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, libc::c_long, &'a [i64])>) -> String {
    let call = |(name, call, arguments): (&str, libc::c_long, &[i64])| {
        let arguments: Vec<String> = [&[call], arguments].concat().iter().map(ToString::to_string).collect();
        format!("$! = 0; print '{name}: ', syscall({}), ' ', $! + 0, qq(\n);\n", arguments.join(", "))
    };
    calls.into_iter().map(call).collect()
}

fn every_call_ends(ran: &Ran, end: &str, calls: usize) -> Result<()> {
    let others: Vec<&str> = ran.stdout.lines().filter(|line| !line.ends_with(end)).collect();
    ensure!(others.is_empty() && ran.stdout.lines().count() == calls, "{others:?} {ran:?}");
    Ok(())
}

unprivileged! {
    async fn calls_that_reach_beyond_a_program_do_not_exist() -> Result<()> {
        let script = calls(MISSING.iter().map(|(name, call)| (*name, *call, &[0_i64, 0, 0, 0, 0, 0] as &[_])));
        for version in [1, NEWEST_LANDLOCK] {
            let ran = Bed::with_landlock(version)?.run(&perl(&script, ""), b"").await?.succeeded()?;
            every_call_ends(&ran, &format!(": -1 {}", libc::ENOSYS), MISSING.len())?;
        }
        Ok(())
    }

    async fn arguments_that_reach_beyond_a_program_are_refused() -> Result<()> {
        let script = calls(REFUSED.iter().copied());
        for version in [1, NEWEST_LANDLOCK] {
            let ran = Bed::with_landlock(version)?.run(&perl(&script, ""), b"").await?.succeeded()?;
            every_call_ends(&ran, &format!(": -1 {}", libc::EPERM), REFUSED.len())?;
        }
        Ok(())
    }

    async fn a_program_is_confined_for_good() -> Result<()> {
        // PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, and limits that are what they were set to.
        let script = format!("print syscall({0}, 39, 0, 0, 0, 0), syscall({0}, 21, 0, 0, 0, 0)", libc::SYS_prctl);
        let bed = Bed::new()?;
        let ran = bed.run(&perl(&script, ""), b"").await?.succeeded()?;
        ensure!(ran.stdout == "12", "{ran:?}");
        let ran = bed.run(&bash("ulimit -Hc; ulimit -Hn; ulimit -Sf; ulimit -Hn 4096 || echo refused", ""), b"").await?;
        ensure!(ran.stdout == "0\n128\n8192\nrefused\n", "{ran:?}");
        Ok(())
    }

    async fn without_what_confines_nothing_runs_unless_it_was_asked_for() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let whole = SandboxSettings::new(folder.path());
        for lacking in
            [SandboxSettings { max_landlock: 0, ..whole.clone() }, SandboxSettings { seccomp: false, ..whole.clone() }]
        {
            let error = Sandbox::new(lacking).err();
            ensure!(matches!(error, Some(SandboxError::Unconfined(_))), "{error:?}");
        }
        let bed = Bed::unconfined()?;
        bed.sandbox.check().await?;
        ensure!(bed.sandbox.describe() == "nothing", "{}", bed.sandbox.describe());
        let ran = bed.run(&bash("head -c 4 /etc/passwd", ""), b"").await?.succeeded()?;
        ensure!(ran.stdout == "root", "{ran:?}");
        Ok(())
    }

    async fn a_check_tells_whether_programs_run() -> Result<()> {
        let bed = Bed::new()?;
        bed.sandbox.check().await?;
        bed.is_clean("no mark")?;
        let wrapper = "/bin/true".into();
        let sandbox = Sandbox::new(SandboxSettings { wrapper, ..SandboxSettings::new(bed.folder.path()) })?;
        let error = sandbox.check().await.err();
        ensure!(matches!(error, Some(SandboxError::Broken)), "{error:?}");
        Ok(())
    }
}
