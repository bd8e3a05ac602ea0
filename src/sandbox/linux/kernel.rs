//! What the kernel has for confining programs.

use landlock::{ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _, Scope};
use serde::{Deserialize, Serialize};

use crate::sandbox::{Requirement, SandboxError, SandboxSettings};

/// What the kernel has, and the profile that this container runs under lets us use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kernel {
    /// Version of Landlock; 0 for none.
    pub landlock: u8,
    /// Whether system calls can be filtered.
    pub seccomp: bool,
}

/// First version of Landlock that knows TCP ports (Linux 6.7).
pub(super) const LANDLOCK_TCP: u8 = 4;

/// First version of Landlock that keeps signals inside (Linux 6.12).
pub(super) const LANDLOCK_SIGNALS: u8 = 6;

impl Kernel {
    /// Looks, and complains about what is required and missing.
    pub(super) fn probe(settings: &SandboxSettings) -> Result<Self, SandboxError> {
        let landlock = (1..=settings.max_landlock).take_while(|version| supports(*version)).last().unwrap_or(0);
        let kernel = Self { landlock, seccomp: settings.seccomp && rustix::thread::secure_computing_mode().is_ok() };
        let missing = match kernel {
            Self { landlock: 0, .. } => "Landlock (Linux 5.13, and in the list of security modules)",
            Self { seccomp: false, .. } => "seccomp filters",
            Self { .. } => return Ok(kernel),
        };
        match settings.requirement {
            Requirement::Strict => Err(SandboxError::Unconfined(format!("the kernel lacks {missing}"))),
            Requirement::BestEffort => Ok(kernel),
        }
    }
}

/// The newest version that the landlock crate and we have been tested with.
pub const NEWEST_LANDLOCK: u8 = 9;

/// Whether the kernel takes a ruleset of what this version introduced. The crate hides the kernel's own number, for
/// fear of rules that depend on it; ours do, because system call filters make up for what an old version lacks.
fn supports(version: u8) -> bool {
    let abi = ABI::from(i32::from(version));
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let ruleset = ruleset.handle_access(AccessFs::from_all(abi));
    let ruleset = match version {
        LANDLOCK_TCP.. => ruleset.and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(abi))),
        _ => ruleset,
    };
    let ruleset = match version {
        LANDLOCK_SIGNALS.. => ruleset.and_then(|ruleset| ruleset.scope(Scope::from_all(abi))),
        _ => ruleset,
    };
    ruleset.and_then(Ruleset::create).is_ok()
}
