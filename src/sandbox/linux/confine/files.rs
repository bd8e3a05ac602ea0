//! What a program may do with files, and with TCP, by Landlock.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope,
};

use super::{Folder, LANDLOCK_SIGNALS, LANDLOCK_TCP, Order};

/// Programs and libraries, to be read and executed.
const PROGRAMS: &[&str] = &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"];

/// What programs read of a system. Nothing of it is about users, and nothing in it is a secret.
const SYSTEM: &[&str] = &[
    // Where libraries are.
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    // What time it is here.
    "/etc/localtime",
    "/etc/timezone",
    // Whom to trust; /etc/ssl/private stays out.
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/crypto-policies",
    // What a distribution adds to the start of Python.
    "/etc/python3",
    "/etc/python3.9",
    "/etc/python3.10",
    "/etc/python3.11",
    "/etc/python3.12",
    "/etc/python3.13",
    "/etc/python3.14",
];

/// What a program with network reads besides.
const NETWORK: &[&str] = &["/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/gai.conf", "/etc/services"];

/// Devices that hold nothing.
const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// The rules for a program, in terms of this version of Landlock. Everything that they do not name is refused.
pub(super) fn ruleset(version: u8, order: &Order, folder: &Folder) -> Result<RulesetCreated, RulesetError> {
    let abi = ABI::from(i32::from(version));
    // Less than all of this version would be less than what the filters of system calls count on.
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    ruleset = ruleset.handle_access(AccessFs::from_all(abi))?;
    if version >= LANDLOCK_TCP {
        ruleset = ruleset.handle_access(AccessNet::from_all(abi))?;
    }
    if version >= LANDLOCK_SIGNALS {
        ruleset = ruleset.scope(Scope::from_all(abi))?;
    }
    let execute = AccessFs::Execute | AccessFs::ReadFile;
    let mut rules = ruleset.create()?.set_compatibility(CompatLevel::BestEffort);
    rules = rules.add_rule(PathBeneath::new(folder.directory(), own(abi)))?;
    rules = allow(rules, PROGRAMS, execute | AccessFs::ReadDir)?;
    rules = allow(rules, &[&order.program.path], execute)?;
    rules = allow(rules, SYSTEM, AccessFs::ReadFile | AccessFs::ReadDir)?;
    rules = allow(rules, DEVICES, AccessFs::ReadFile | AccessFs::WriteFile)?;
    match order.program.proxy {
        Some(proxy) if version >= LANDLOCK_TCP => {
            rules = rules.add_rule(NetPort::new(proxy.port(), AccessNet::ConnectTcp))?;
            allow(rules, NETWORK, AccessFs::ReadFile.into())
        }
        Some(_) => allow(rules, NETWORK, AccessFs::ReadFile.into()),
        None => Ok(rules),
    }
}

/// Everything but executing what it has written, and what becomes a way to others.
fn own(abi: ABI) -> BitFlags<AccessFs> {
    let not = AccessFs::Execute
        | AccessFs::MakeChar
        | AccessFs::MakeBlock
        | AccessFs::MakeSock
        | AccessFs::IoctlDev
        | AccessFs::ResolveUnix;
    AccessFs::from_all(abi) & !not
}

/// Allows the same to all of these that there are.
fn allow<P: AsRef<Path>>(
    rules: RulesetCreated,
    paths: &[P],
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let rule = |path: &P| {
        let path = PathFd::new(path).ok()?;
        Some(Ok(PathBeneath::new(path, access)))
    };
    rules.add_rules(paths.iter().filter_map(rule))
}
