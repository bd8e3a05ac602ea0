//! The whitelist's file: the Go implementation's format, with two fields more
//! (<https://github.com/oddkinco/flux-externalsource-controller/blob/main/internal/hooks/whitelist.go>).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::WhitelistError;
use super::pattern::Pattern;

/// Bytes of the file: what the largest whitelist that somebody can read has, many times over.
pub const MAX_FILE: usize = 256 * 1024;

/// Commands of a whitelist.
const MAX_COMMANDS: usize = 256;

/// Patterns of all commands together: a compiled one can take a megabyte.
const MAX_PATTERNS: usize = 1000;

/// Bytes of a command's name or path.
const MAX_NAME: usize = 1024;

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    commands: Option<BTreeMap<String, Option<Entry>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    allowed: Option<bool>,
    #[serde(default)]
    argument_patterns: Option<Vec<String>>,
    #[serde(default)]
    path: Option<PathBuf>,
    #[serde(default)]
    network: Option<bool>,
}

/// What the file says about one command.
#[derive(Debug)]
pub(super) struct Rule {
    /// Nothing is allowed that does not say so.
    pub allowed: bool,
    /// What its arguments may be; anything when there are none.
    pub patterns: Vec<Pattern>,
    /// Its program.
    pub path: Option<PathBuf>,
    /// Whether it may use the network.
    pub network: bool,
}

/// Reads the rules, by commands.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Rule>, WhitelistError> {
    if text.len() > MAX_FILE {
        return Err(WhitelistError::TooLarge);
    }
    let options = serde_saphyr::options! { with_snippet: false };
    // Nothing but comments is a whitelist that allows nothing, as in Go.
    let file: Option<File> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| WhitelistError::Yaml(error.to_string().replace('\n', " ")))?;
    let commands = file.and_then(|file| file.commands).unwrap_or_default();
    if commands.len() > MAX_COMMANDS {
        return Err(WhitelistError::TooMany(MAX_COMMANDS, "commands"));
    }
    let patterns: usize =
        commands.values().flatten().filter_map(|entry| entry.argument_patterns.as_ref()).map(Vec::len).sum();
    if patterns > MAX_PATTERNS {
        return Err(WhitelistError::TooMany(MAX_PATTERNS, "argumentPatterns"));
    }
    commands.into_iter().map(|(name, entry)| Ok((name.clone(), rule(&name, entry.unwrap_or_default())?))).collect()
}

fn rule(name: &str, entry: Entry) -> Result<Rule, WhitelistError> {
    let refuse = |why: &str| WhitelistError::Command { name: name.to_owned(), why: why.to_owned() };
    check_name(name).map_err(refuse)?;
    if let Some(path) = &entry.path {
        if name.contains('/') {
            return Err(refuse("is a path already and cannot have another one"));
        }
        if !path.is_absolute() || path.as_os_str().len() > MAX_NAME || path.to_string_lossy().contains(char::is_control)
        {
            return Err(refuse("has a path that is not absolute"));
        }
    }
    let compile = |(index, text): (usize, &String)| {
        Pattern::new(text).map_err(|error| refuse(&format!("argumentPatterns[{index}] {error}")))
    };
    let patterns = entry.argument_patterns.unwrap_or_default();
    Ok(Rule {
        allowed: entry.allowed.unwrap_or(false),
        patterns: patterns.iter().enumerate().map(compile).collect::<Result<_, _>>()?,
        path: entry.path,
        network: entry.network.unwrap_or(false),
    })
}

/// A name without a path, or an absolute path that says where it leads.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
        return Err("is no name of a command");
    }
    if matches!(name, "." | "..") || name.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")) {
        return Err("is no path that says where it leads");
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err("is a relative path; write the name alone, or an absolute path");
    }
    Ok(())
}
