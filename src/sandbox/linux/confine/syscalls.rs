//! Which system calls a program may make, by seccomp. What is not listed does not exist for it: calls that are newer
//! than this list, and those of other ABIs (x32), included. So programs fall back as they do on an older kernel.

mod list;

use libc::c_int;
use rustix::process::Pid;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};

type Result<T> = std::result::Result<T, BackendError>;

/// A system call, and the rules of which one has to match; without rules, every call does.
type Entry = (libc::c_long, Vec<SeccompRule>);

const EPERM: u32 = libc::EPERM.unsigned_abs();
const ENOSYS: u32 = libc::ENOSYS.unsigned_abs();

/// Flags in the second argument of socket(2) and socketpair(2).
const SOCKET_FLAGS: [c_int; 4] = [0, libc::SOCK_NONBLOCK, libc::SOCK_CLOEXEC, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC];

/// Allows what is on the list.
pub(super) fn allowed() -> Result<BpfProgram> {
    let calls = [list::COMMON, list::LEGACY].concat();
    compile(calls.into_iter().map(always), SeccompAction::Errno(ENOSYS), SeccompAction::Allow)
}

/// Of what is allowed, does nothing and says that it has been done.
///
/// Landlock does not know chmod(2) by name: it would work on whatever our user owns, the socket of the sidecar among it.
/// A program's own files have the permissions that it needs, so archivers and copiers lose nothing but an error.
pub(super) fn pretended() -> Result<BpfProgram> {
    let calls = list::PRETENDED.iter().copied().map(always);
    compile(calls, SeccompAction::Allow, SeccompAction::Errno(0))
}

/// Refuses, of what is allowed, what would reach beyond the program.
pub(super) fn refused(network: bool, landlock: u8) -> Result<BpfProgram> {
    let mut entries: Vec<Entry> = list::REFUSED.iter().copied().map(always).collect();
    if landlock < 3 {
        // Landlock sees the truncation of a file by its name only since version 3.
        entries.push(always(libc::SYS_truncate));
    }
    if network {
        // Landlock controls TCP only, and not the multipath kind.
        let tcp = socket(&[libc::AF_INET, libc::AF_INET6], &[libc::SOCK_STREAM], &[0, libc::IPPROTO_TCP])?;
        entries.push((libc::SYS_socket, tcp));
    } else {
        entries.extend(list::NETWORK.iter().copied().map(always));
    }
    // A pair of streams is connected once and for all; a datagram can be sent anywhere.
    let pair = socket(&[libc::AF_UNIX], &[libc::SOCK_STREAM, libc::SOCK_SEQPACKET], &[0])?;
    entries.extend([
        (libc::SYS_socketpair, pair),
        // With an address it connects (TCP Fast Open), which Landlock does not see.
        (libc::SYS_sendto, vec![rule(vec![SeccompCondition::new(4, Qword, Ne, 0)?])?]),
        (libc::SYS_clone, namespaces()?),
        (libc::SYS_prctl, prctl()?),
        (libc::SYS_ioctl, vec![rule(none_of(1, list::IOCTLS)?)?]),
        (libc::SYS_fcntl, each(1, list::FCNTLS)?),
        // Of the caller only; others of our user would be open to it.
        (libc::SYS_prlimit64, vec![rule(none_of(0, &[0])?)?]),
        (libc::SYS_sched_setaffinity, vec![rule(none_of(0, &[0])?)?]),
        (libc::SYS_setpriority, vec![rule(none_of(0, &[PRIO_PROCESS])?)?, rule(none_of(1, &[0])?)?]),
    ]);
    compile(entries.into_iter(), SeccompAction::Allow, SeccompAction::Errno(EPERM))
}

/// Keeps signals inside where Landlock does not: to the program's first process, and to its process group. Its other
/// processes can signal the group only.
pub(super) fn signals(main: Pid) -> Result<BpfProgram> {
    let main = main.as_raw_nonzero().get();
    let entries = [
        (libc::SYS_kill, vec![rule(none_of(0, &[0, main, -main])?)?]),
        (libc::SYS_tgkill, vec![rule(none_of(0, &[main])?)?]),
        (libc::SYS_tkill, vec![rule(none_of(0, &[main])?)?]),
    ];
    compile(entries.into_iter(), SeccompAction::Allow, SeccompAction::Errno(EPERM))
}

/// `PRIO_PROCESS`, which has another type in each C library.
const PRIO_PROCESS: c_int = 0;

/// New namespaces, which give capabilities inside and reach much of the kernel that nobody else does.
fn namespaces() -> Result<Vec<SeccompRule>> {
    let has = |flag: &c_int| rule(vec![SeccompCondition::new(0, Dword, MaskedEq(number(*flag)), number(*flag))?]);
    list::NAMESPACES.iter().map(has).collect()
}

/// What is not about the caller's own affairs. The signal of its parent's death may be set only to what it is.
fn prctl() -> Result<Vec<SeccompRule>> {
    let other_signal = vec![
        SeccompCondition::new(0, Dword, Eq, number(libc::PR_SET_PDEATHSIG))?,
        SeccompCondition::new(1, Qword, Ne, number(libc::SIGKILL))?,
    ];
    Ok(vec![rule(none_of(0, list::PRCTLS)?)?, rule(other_signal)?])
}

/// Matches what is not of one of these domains, kinds and protocols.
fn socket(domains: &[c_int], kinds: &[c_int], protocols: &[c_int]) -> Result<Vec<SeccompRule>> {
    let kinds: Vec<c_int> = kinds.iter().flat_map(|kind| SOCKET_FLAGS.map(|flags| kind | flags)).collect();
    Ok(vec![rule(none_of(0, domains)?)?, rule(none_of(1, &kinds)?)?, rule(none_of(2, protocols)?)?])
}

/// Matches each of these values.
fn each(argument: u8, values: &[c_int]) -> Result<Vec<SeccompRule>> {
    values.iter().map(|value| rule(vec![SeccompCondition::new(argument, Dword, Eq, number(*value))?])).collect()
}

/// Matches none of these values. Of 32 bits, as the kernel reads an int: the others are anybody's.
fn none_of(argument: u8, values: &[c_int]) -> Result<Vec<SeccompCondition>> {
    values.iter().map(|value| SeccompCondition::new(argument, Dword, Ne, number(*value))).collect()
}

/// All of these conditions.
fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule> {
    SeccompRule::new(conditions)
}

fn always(call: libc::c_long) -> Entry {
    (call, Vec::new())
}

/// The 32 bits of an int.
fn number(value: c_int) -> u64 {
    u64::from(value.cast_unsigned())
}

fn compile(
    entries: impl Iterator<Item = Entry>,
    mismatch: SeccompAction,
    matching: SeccompAction,
) -> Result<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(entries.collect(), mismatch, matching, arch)?.try_into()
}
