//! `whitelist check`: whether a whitelist allows a command, and why.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::hooks::Command;
use crate::hooks::whitelist::{Denial, Executable, Finder, User, Whitelist};

/// Exit code when the whitelist itself cannot be used.
const UNUSABLE: u8 = 2;

/// Says whether this command is allowed. Whether its program is installed is another question, which the machine that
/// this runs on mostly cannot answer; it is told as a warning.
pub fn whitelist_check(file: &Path, env: &[String], command: Vec<String>) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let whitelist = match Whitelist::parse(&text, &Finder::new(User::of_process(true))) {
        Ok(whitelist) => whitelist,
        Err(error) => {
            eprintln!("error: the whitelist {} {error}", file.display());
            return Ok(ExitCode::from(UNUSABLE));
        }
    };
    let command = asked(env, command)?;
    for (_, warning) in whitelist.warnings().iter().filter(|(name, _)| *name == command.name) {
        eprintln!("warning: {warning}");
    }
    match whitelist.check(&command) {
        Ok(allowed) => {
            let network = if allowed.network { ", with access to the network" } else { "" };
            match allowed.program {
                Executable::File(path) => println!("allowed: runs {}{network}", path.display()),
                Executable::BuiltIn(built_in) => println!("allowed: runs our own {}{network}", built_in.name()),
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(Denial::NotInstalled { .. } | Denial::Unsafe { .. }) => {
            println!("allowed, but it could not run here");
            Ok(ExitCode::SUCCESS)
        }
        Err(denial) => {
            eprintln!("not allowed: {denial}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn asked(env: &[String], command: Vec<String>) -> anyhow::Result<Command> {
    let mut words = command.into_iter();
    let Some(name) = words.next() else { bail!("there is no command after --") };
    let variable = |text: &String| {
        let (name, value) = text.split_once('=').context("--env has to be NAME=VALUE")?;
        Ok((name.to_owned(), value.to_owned()))
    };
    let env = env.iter().map(variable).collect::<anyhow::Result<_>>()?;
    Ok(Command { name, args: words.collect(), env, timeout: None })
}
