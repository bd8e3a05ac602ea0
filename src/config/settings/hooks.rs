//! Settings of hooks and transformations: for who asks for them, and for who runs them.

use std::path::PathBuf;
use std::time::Duration;

use super::{Group, http};
use crate::config::parse::{boolean, capacity, path, period, positive};
use crate::config::setting::{BOOL, Setting};
use crate::hooks::Endpoint;
use crate::sandbox::Requirement;

/// Where the sidecar listens; `None`: there is none.
pub const ENDPOINT: Setting<Option<Endpoint>> = Setting::new(
    "HOOK_EXECUTOR_ENDPOINT",
    "unix:///run/externalsource-hooks/hooks.sock",
    "URL",
    endpoint,
    "Where the hook executor listens: unix:///PATH or http://localhost:PORT; none: there is none",
)
.key("hooks.sidecarEndpoint");
/// The sidecar of `local` and `render`.
pub const LOCAL_ENDPOINT: Setting<Option<Endpoint>> = Setting::optional(
    "HOOK_EXECUTOR_ENDPOINT",
    "URL",
    endpoint,
    "Ask the hook executor that listens there instead of running commands in this process",
);
/// Time limit of hooks that have none.
pub const DEFAULT_TIMEOUT: Setting<Duration> =
    Setting::new("HOOK_DEFAULT_TIMEOUT", "30s", "DURATION", period, "Time limit of a hook that names none")
        .key("hooks.defaultTimeout");
/// Time limit of transformations.
pub const TRANSFORM_TIMEOUT: Setting<Duration> = Setting::new(
    "TRANSFORM_TIMEOUT",
    "30s",
    "DURATION",
    period,
    "Time limit of a transformation, and of all assertions of a run",
)
.key("transform.timeout");
/// Requests to the sidecar at once. More than it runs at once, so that none of its places is ever free for want of work.
pub const CONCURRENT: Setting<u32> = Setting::new(
    "HOOK_CONCURRENT",
    "16",
    "NUMBER",
    positive,
    "Sources whose hooks run, or wait at the hook executor, at once; as many without hooks have transformations or assertions there",
);

/// The whitelist of the sidecar.
pub const WHITELIST: Setting<PathBuf> = Setting::new(
    "HOOK_WHITELIST_PATH",
    "/etc/hooks/whitelist.yaml",
    "FILE",
    path,
    "The whitelist of commands; read again when it changes",
)
.key("hooks.whitelistPath");
/// The whitelist of `local` and `render`.
pub const LOCAL_WHITELIST: Setting<PathBuf> = Setting::optional(
    "HOOK_WHITELIST_PATH",
    "FILE",
    path,
    "The whitelist of commands; without one no command is allowed, and transformations work all the same",
);
/// Longest time limit.
pub const MAX_TIMEOUT: Setting<Duration> =
    Setting::new("HOOK_MAX_TIMEOUT", "10m", "DURATION", period, "Longest time limit; longer ones are cut to this");
/// Commands at once, and transformations beside them. Each may take `HOOK_MAX_MEMORY`.
pub const MAX_CONCURRENT: Setting<u32> = Setting::new(
    "HOOK_MAX_CONCURRENT",
    "4",
    "NUMBER",
    positive,
    "Commands at once, and as many transformations; more wait for their turn",
);
/// Where commands have their folders.
pub const WORK_DIR: Setting<PathBuf> =
    Setting::new("HOOK_WORK_DIR", "/tmp", "FOLDER", path, "Where every command gets an empty folder of its own");
/// What to do where the kernel cannot confine.
pub const SANDBOX: Setting<Requirement> = Setting::new(
    "HOOK_SANDBOX",
    "strict",
    "MODE",
    requirement,
    "strict: run nothing where the kernel lacks Landlock or seccomp; best-effort: run with what there is",
);
/// Whether standard error is logged.
pub const LOG_STDERR: Setting<bool> = Setting::new(
    "HOOK_LOG_STDERR",
    "false",
    BOOL,
    boolean,
    "Write what commands write to standard error to the debug log; it may hold secrets",
);

/// Bytes of input.
pub const MAX_STDIN: Setting<u64> =
    Setting::new("HOOK_MAX_STDIN", "256Mi", "SIZE", capacity, "Bytes that a command may read");
/// Bytes of output.
pub const MAX_STDOUT: Setting<u64> =
    Setting::new("HOOK_MAX_STDOUT", "256Mi", "SIZE", capacity, "Bytes that a command may write");
/// Bytes of standard error.
pub const MAX_STDERR: Setting<u64> =
    Setting::new("HOOK_MAX_STDERR", "64Ki", "SIZE", capacity, "Bytes of standard error that are kept");
/// Memory.
pub const MAX_MEMORY: Setting<u64> = Setting::new(
    "HOOK_MAX_MEMORY",
    "256Mi",
    "SIZE",
    capacity,
    "Resident memory of a command with everything that it starts, in bytes",
);
/// Processor time.
pub const MAX_CPU_TIME: Setting<Duration> =
    Setting::new("HOOK_MAX_CPU_TIME", "60s", "DURATION", period, "Processor time of a command");
/// Processes.
pub const MAX_PROCESSES: Setting<u32> =
    Setting::new("HOOK_MAX_PROCESSES", "64", "NUMBER", positive, "Processes and threads of a command at once");
/// Files.
pub const MAX_OPEN_FILES: Setting<u32> =
    Setting::new("HOOK_MAX_OPEN_FILES", "256", "NUMBER", positive, "Open files of one process of a command");
/// Disk.
pub const MAX_DISK: Setting<u64> =
    Setting::new("HOOK_MAX_DISK", "64Mi", "SIZE", capacity, "Bytes in a command's own folder");

fn endpoint(text: &str) -> Result<Option<Endpoint>, String> {
    if text == "none" { Ok(None) } else { text.parse().map(Some) }
}

fn requirement(text: &str) -> Result<Requirement, String> {
    match text {
        "strict" => Ok(Requirement::Strict),
        "best-effort" => Ok(Requirement::BestEffort),
        _ => Err("must be strict or best-effort".into()),
    }
}

/// Who asks for hooks and transformations, and who runs them.
pub const HOOKS: Group = Group {
    title: "Hooks and transformations",
    settings: &[ENDPOINT.info, DEFAULT_TIMEOUT.info, TRANSFORM_TIMEOUT.info],
};

/// Who asks for them.
pub const CLIENT: Group = Group { title: "Asking for hooks and transformations", settings: &[CONCURRENT.info] };

/// The same where nobody has to be asked.
pub const LOCAL_HOOKS: Group = Group {
    title: "Hooks and transformations",
    settings: &[LOCAL_ENDPOINT.info, DEFAULT_TIMEOUT.info, TRANSFORM_TIMEOUT.info],
};

/// Who runs them.
pub const EXECUTOR: Group = Group { title: "Running hooks and transformations", settings: &executor(&WHITELIST) };

/// Who runs them without being asked over a socket.
pub const LOCAL: Group = Group { title: "Running hooks and transformations", settings: &executor(&LOCAL_WHITELIST) };

const fn executor(whitelist: &Setting<PathBuf>) -> [crate::config::setting::Info; 6] {
    [whitelist.info, MAX_TIMEOUT.info, MAX_CONCURRENT.info, WORK_DIR.info, SANDBOX.info, LOG_STDERR.info]
}

/// What a command may use.
pub const LIMITS: Group = Group {
    title: "What a command may use",
    settings: &[
        MAX_STDIN.info,
        MAX_STDOUT.info,
        MAX_STDERR.info,
        MAX_MEMORY.info,
        MAX_CPU_TIME.info,
        MAX_PROCESSES.info,
        MAX_OPEN_FILES.info,
        MAX_DISK.info,
    ],
};

/// Where commands may connect to that may use the network.
pub const EGRESS: Group = Group {
    title: "Where commands with \"network: true\" may connect to",
    settings: &[http::ADDRESS_ALLOW.info, http::ADDRESS_DENY.info, http::ADDRESS_DENY_PRIVATE.info],
};
