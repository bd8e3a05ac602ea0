//! Settings as arguments of a command: one flag per setting, under the headings of their groups. Values stay texts here;
//! [`crate::config`] reads them, so that a flag, a variable and a ConfigMap are judged alike.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::config::setting::Info;
use crate::config::settings::{CONTROLLER, Group, HOOK_EXECUTOR, LOCAL, LOCAL_DEFAULTS, RENDER};

/// Columns of the text about a flag: 80 without the indentation.
const HELP_WIDTH: usize = 70;

/// The settings that a command takes.
pub trait Scope {
    /// In groups.
    const GROUPS: &'static [Group];
    /// Defaults that differ from the settings' own.
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[];
}

/// Settings of `controller`.
#[derive(Debug)]
pub struct Controller;

/// Settings of `hook-executor`.
#[derive(Debug)]
pub struct HookExecutor;

/// Settings of `local`.
#[derive(Debug)]
pub struct Local;

/// Settings of `render`.
#[derive(Debug)]
pub struct Render;

impl Scope for Controller {
    const GROUPS: &'static [Group] = CONTROLLER;
}

impl Scope for HookExecutor {
    const GROUPS: &'static [Group] = HOOK_EXECUTOR;
}

impl Scope for Local {
    const GROUPS: &'static [Group] = LOCAL;
    const DEFAULTS: &'static [(&'static str, &'static str)] = LOCAL_DEFAULTS;
}

impl Scope for Render {
    const GROUPS: &'static [Group] = RENDER;
    const DEFAULTS: &'static [(&'static str, &'static str)] = LOCAL_DEFAULTS;
}

/// The flags that were given, by setting names.
#[derive(Debug)]
pub struct Settings<S> {
    /// Texts by setting names.
    pub flags: BTreeMap<String, String>,
    scope: PhantomData<S>,
}

impl<S: Scope> Args for Settings<S> {
    fn augment_args(command: Command) -> Command {
        let args = S::GROUPS.iter().flat_map(|group| group.settings.iter().map(move |info| (group, info)));
        args.fold(command, |command, (group, info)| {
            let default = S::DEFAULTS.iter().find(|(name, _)| *name == info.name).map(|(_, text)| *text);
            command.arg(argument(info, default.or(info.default)).help_heading(group.title))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Scope> FromArgMatches for Settings<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let infos = S::GROUPS.iter().flat_map(|group| group.settings);
        let flags =
            infos.filter_map(|info| Some((info.name.to_owned(), matches.get_one::<String>(info.name)?.clone())));
        Ok(Self { flags: flags.collect(), scope: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(info: &Info, default: Option<&str>) -> Arg {
    let default = default.map(|text| format!("[default: {text}]"));
    let variable = format!("[env: {}]", info.name);
    let argument = Arg::new(info.name)
        .long(info.flag())
        .value_name(info.value)
        .help(paragraph(info.help.split(' ').chain(default.as_deref()).chain([variable.as_str()])))
        // The last one counts, as with Go's flags.
        .overrides_with(info.name);
    if info.is_switch() {
        argument.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        argument
    }
}

/// The parts in lines of help, none of them broken in two.
fn paragraph<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let (mut text, mut used) = (String::new(), 0);
    for part in parts {
        let fits = used + 1 + part.len() <= HELP_WIDTH;
        text.push_str(if text.is_empty() {
            ""
        } else if fits {
            " "
        } else {
            "\n"
        });
        used = if fits && !text.is_empty() { used + 1 + part.len() } else { part.len() };
        text.push_str(part);
    }
    text
}
