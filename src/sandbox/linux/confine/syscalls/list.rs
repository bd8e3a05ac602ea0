//! The system calls by name.

use libc::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWUTS, c_int, c_long,
};

/// What programs need, on every architecture. What is missing, and why:
///
/// - `memfd_create`, `memfd_secret`, System V and POSIX shared memory and queues, `io_setup`: memory that belongs to no
///   process, so that nobody counts it or frees it;
/// - `io_uring_*`: does what other calls do, past this filter;
/// - `ptrace`, `process_vm_*`, `process_madvise`, `pidfd_*`, `kcmp`, `rt_*sigqueueinfo`, `migrate_pages`, `move_pages`,
///   `sched_setscheduler`, `ioprio_set`: other processes of our user;
/// - `inotify_*`, `fanotify_*`: tell of other programs' files, which Landlock does not prevent;
/// - `sendmsg`, `sendmmsg`: hide open files from those who count them, and connect on the way;
/// - `bind`, `listen`, `accept`: a program serves nobody;
/// - `setxattr` and its kin, `openat2`, `fchmodat2`, `open_by_handle_at`: not covered by Landlock, or a second way
///   around what is refused below;
/// - `clone3`: its flags are out of a filter's sight; everybody falls back to `clone`;
/// - `unshare`, `setns`, `mount` and its kin, `chroot`, `pivot_root`, `bpf`, `perf_event_open`, `userfaultfd`,
///   `keyctl` and its kin, `seccomp`, `landlock_*`, modules, clocks, `personality`, `vmsplice`, `syslog`, `quotactl`:
///   of no use to a program that transforms data, and of much use against the kernel.
#[rustfmt::skip]
pub(super) const COMMON: &[c_long] = &[
    // Descriptors.
    libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64,
    libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2, libc::SYS_lseek, libc::SYS_close,
    libc::SYS_close_range, libc::SYS_dup, libc::SYS_dup3, libc::SYS_fcntl, libc::SYS_ioctl, libc::SYS_flock,
    libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync_file_range, libc::SYS_ftruncate, libc::SYS_truncate,
    libc::SYS_fallocate, libc::SYS_fadvise64, libc::SYS_readahead, libc::SYS_sendfile, libc::SYS_splice,
    libc::SYS_tee, libc::SYS_copy_file_range, libc::SYS_pipe2, libc::SYS_ppoll, libc::SYS_pselect6,
    libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2, libc::SYS_signalfd4, libc::SYS_timerfd_create, libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // Files.
    libc::SYS_openat, libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_unlinkat, libc::SYS_renameat2,
    libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_readlinkat, libc::SYS_faccessat, libc::SYS_faccessat2,
    libc::SYS_newfstatat, libc::SYS_fstat, libc::SYS_statx, libc::SYS_statfs, libc::SYS_fstatfs,
    libc::SYS_getdents64, libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir, libc::SYS_umask,
    libc::SYS_utimensat, libc::SYS_fchmod, libc::SYS_fchown, libc::SYS_fchmodat, libc::SYS_fchownat,
    libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr, libc::SYS_listxattr, libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    // Memory.
    libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_madvise, libc::SYS_brk,
    libc::SYS_msync, libc::SYS_mincore, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_mlockall,
    libc::SYS_munlockall, libc::SYS_membarrier,
    // Processes and threads.
    libc::SYS_clone, libc::SYS_execve, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4, libc::SYS_waitid,
    libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_getsid, libc::SYS_setsid,
    libc::SYS_setpgid, libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid,
    libc::SYS_getresuid, libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_capget, libc::SYS_prctl,
    libc::SYS_set_tid_address, libc::SYS_set_robust_list, libc::SYS_rseq, libc::SYS_futex,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity, libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler, libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
    libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_getrlimit, libc::SYS_setrlimit, libc::SYS_prlimit64,
    libc::SYS_getrusage, libc::SYS_times, libc::SYS_sysinfo, libc::SYS_uname, libc::SYS_getcpu,
    // Signals and time.
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_rt_sigpending,
    libc::SYS_rt_sigtimedwait, libc::SYS_rt_sigsuspend, libc::SYS_sigaltstack, libc::SYS_restart_syscall,
    libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_clock_gettime, libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep, libc::SYS_nanosleep, libc::SYS_gettimeofday, libc::SYS_getitimer,
    libc::SYS_setitimer, libc::SYS_timer_create, libc::SYS_timer_settime, libc::SYS_timer_gettime,
    libc::SYS_timer_getoverrun, libc::SYS_timer_delete, libc::SYS_getrandom,
    // Sockets.
    libc::SYS_socketpair, libc::SYS_socket, libc::SYS_connect, libc::SYS_sendto, libc::SYS_recvfrom,
    libc::SYS_recvmsg, libc::SYS_shutdown, libc::SYS_getsockopt, libc::SYS_setsockopt, libc::SYS_getsockname,
    libc::SYS_getpeername,
];

/// What there is besides on the older architecture, doing what newer calls do elsewhere.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const LEGACY: &[c_long] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_pipe,
    libc::SYS_poll, libc::SYS_select, libc::SYS_dup2, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_unlink,
    libc::SYS_rename, libc::SYS_renameat, libc::SYS_link, libc::SYS_symlink, libc::SYS_readlink, libc::SYS_mknod,
    libc::SYS_getdents, libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes,
    libc::SYS_futimesat, libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd,
    libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp, libc::SYS_alarm, libc::SYS_pause, libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(target_arch = "aarch64")]
pub(super) const LEGACY: &[c_long] = &[libc::SYS_renameat];

/// What says that it was done and does nothing.
#[cfg(target_arch = "x86_64")]
pub(super) const PRETENDED: &[c_long] = &[libc::SYS_fchmodat, libc::SYS_chmod];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const PRETENDED: &[c_long] = &[libc::SYS_fchmodat];

/// What is refused whatever its arguments: leaving the process group, by which everything is killed; and changing the
/// owner of a file by its name, which Landlock does not know.
#[cfg(target_arch = "x86_64")]
pub(super) const REFUSED: &[c_long] =
    &[libc::SYS_setsid, libc::SYS_setpgid, libc::SYS_fchownat, libc::SYS_chown, libc::SYS_lchown];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const REFUSED: &[c_long] = &[libc::SYS_setsid, libc::SYS_setpgid, libc::SYS_fchownat];

/// What only a program with network may do.
pub(super) const NETWORK: &[c_long] = &[libc::SYS_socket, libc::SYS_connect, libc::SYS_setsockopt];

/// New namespaces. That of time is none of the flags of `clone`.
pub(super) const NAMESPACES: &[c_int] =
    &[CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET];

/// What a program may do with `prctl`: names of threads and memory, reading its own state, giving up rights.
pub(super) const PRCTLS: &[c_int] = &[
    libc::PR_SET_PDEATHSIG,
    libc::PR_GET_PDEATHSIG,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_KEEPCAPS,
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_GET_SECCOMP,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_SECUREBITS,
    libc::PR_SET_TIMERSLACK,
    libc::PR_GET_TIMERSLACK,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_SET_THP_DISABLE,
    libc::PR_GET_THP_DISABLE,
    libc::PR_SET_VMA,
];

/// What a program may do with `ioctl`: ask whether something is a terminal, how much there is to read, and set what
/// `fcntl` sets too. Nothing that puts words into a terminal.
pub(super) const IOCTLS: &[c_int] = &[TCGETS, TCGETS2, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX];

// The same on both architectures (asm-generic/ioctls.h); the C libraries differ in their type.
const TCGETS: c_int = 0x5401;
const TCGETS2: c_int = 0x802C_542A_u32.cast_signed();
const TIOCGPGRP: c_int = 0x540F;
const TIOCGWINSZ: c_int = 0x5413;
const FIONREAD: c_int = 0x541B;
const FIONBIO: c_int = 0x5421;
const FIONCLEX: c_int = 0x5450;
const FIOCLEX: c_int = 0x5451;

/// What a program may not do with `fcntl`: have signals sent to others, hear of what others do with files, enlarge
/// pipes, whose memory all programs of our user share.
pub(super) const FCNTLS: &[c_int] =
    &[libc::F_SETOWN, F_SETSIG, F_SETOWN_EX, libc::F_SETLEASE, libc::F_NOTIFY, libc::F_SETPIPE_SZ];

// asm-generic/fcntl.h
const F_SETSIG: c_int = 10;
const F_SETOWN_EX: c_int = 15;
