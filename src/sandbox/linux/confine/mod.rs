//! What is taken from a program before its first instruction: files, network, most system calls, the means of growing.
//!
//! Everything is prepared in the wrapper, and taken in the forked child right before it becomes the program.

mod child;
mod files;
mod resources;
mod syscalls;

use std::io;

use landlock::RulesetCreated;
use rustix::process::Pid;
use seccompiler::BpfProgram;

pub(super) use self::child::{UNCONFINED, start_confined};
use self::resources::Resource;
use super::folder::Folder;
use super::kernel::{Kernel, LANDLOCK_SIGNALS, LANDLOCK_TCP};
use super::protocol::Order;
use crate::sandbox::{Limits, Requirement};

/// What a forked child does to itself.
pub(super) struct Confinement {
    wrapper: Pid,
    resources: Vec<Resource>,
    files: Option<RulesetCreated>,
    filters: Vec<BpfProgram>,
    /// Whether the child has to keep signals to itself by a filter, which needs to know its number.
    signals: bool,
}

impl Confinement {
    /// Prepares everything that `order` asks for and the kernel can do; a text when that is less than is required.
    pub(super) fn prepare(order: &Order, folder: &Folder) -> Result<Self, String> {
        let Kernel { landlock, seccomp } = order.kernel;
        let strict = order.requirement == Requirement::Strict;
        if strict && (landlock == 0 || !seccomp) {
            return Err("the kernel lacks Landlock or seccomp".to_owned());
        }
        if strict && order.program.proxy.is_some() && landlock < LANDLOCK_TCP {
            return Err("a program with network needs Landlock for TCP (Linux 6.7)".to_owned());
        }
        let files = match landlock {
            0 => None,
            landlock => Some(files::ruleset(landlock, order, folder).map_err(|error| error.to_string())?),
        };
        let filters = if seccomp { filters(order, landlock)? } else { Vec::new() };
        let signals = seccomp && landlock < LANDLOCK_SIGNALS;
        let resources = resources::of(&order.limits);
        Ok(Self { wrapper: rustix::process::getpid(), resources, files, filters, signals })
    }

    /// Called in the child. What it allocates is safe to allocate: the process had one thread when it forked.
    fn apply(&mut self) -> io::Result<()> {
        child::tie_to(self.wrapper)?;
        child::yield_to_others();
        child::close_descriptors()?;
        self.resources.iter().try_for_each(Resource::apply)?;
        child::drop_capabilities()?;
        rustix::thread::set_no_new_privs(true)?;
        if let Some(files) = self.files.take() {
            files.restrict_self().map_err(io::Error::other)?;
        }
        if self.signals {
            let filter = syscalls::signals(rustix::process::getpid()).map_err(io::Error::other)?;
            seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
        }
        self.filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter)).map_err(io::Error::other)
    }
}

/// In the order of their use; the last one refuses the call that makes filters.
fn filters(order: &Order, landlock: u8) -> Result<Vec<BpfProgram>, String> {
    let network = order.program.proxy.is_some();
    [syscalls::pretended(), syscalls::refused(network, landlock), syscalls::allowed()]
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}
