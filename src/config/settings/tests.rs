//! The table of all settings in `docs/configuration.md` is made from the settings.

use std::fmt::Write as _;
use std::path::Path;

use super::*;

const FILE: &str = "docs/configuration.md";
const BEGIN: &str = "<!-- begin: made from the settings by `just generate` -->\n";
const END: &str = "<!-- end -->\n";

/// What the default is: that of the setting, or what its help says in brackets.
fn default_and_meaning(info: &Info) -> (String, String) {
    let code = |text: &str| format!("`{text}`");
    match info.help.split_once(" [default: ") {
        Some((meaning, default)) => (default.trim_end_matches(']').to_owned(), meaning.to_owned()),
        None => (info.default.map(code).unwrap_or_default(), info.help.to_owned()),
    }
}

/// Those of the controller, and those of the hook executor that have other settings.
fn groups() -> impl Iterator<Item = (&'static Group, bool)> {
    let names: Vec<_> = CONTROLLER.iter().flat_map(|group| group.settings).map(|info| info.name).collect();
    let is_other = move |group: &&Group| group.settings.iter().all(|info| !names.contains(&info.name));
    CONTROLLER
        .iter()
        .map(|group| (group, true))
        .chain(HOOK_EXECUTOR.iter().filter(is_other).map(|group| (group, false)))
}

fn table() -> String {
    let mut text = String::new();
    let takers = [("hook-executor", HOOK_EXECUTOR), ("local", LOCAL), ("render", RENDER)];
    for (group, of_controller) in groups() {
        let only = if of_controller { "" } else { " (`hook-executor`)" };
        writeln!(text, "\n### {}{only}\n", group.title).unwrap();
        text.push_str("| variable | default | meaning | ConfigMap key | also in |\n");
        text.push_str("| --- | --- | --- | --- | --- |\n");
        for info in group.settings {
            let (default, meaning) = default_and_meaning(info);
            let key = info.key.map(|key| format!("`{key}`")).unwrap_or_default();
            let taken_by = takers
                .into_iter()
                .skip(usize::from(!of_controller))
                .filter(|(_, groups)| groups.iter().flat_map(|group| group.settings).any(|it| it.name == info.name));
            let also = taken_by.map(|(command, _)| command).collect::<Vec<_>>().join(", ");
            let row = format!("| `{}` | {default} | {meaning} | {key} | {also} |", info.name);
            text.push_str(&(row.replace("  ", " ") + "\n"));
        }
    }
    text.push_str("\n### Other defaults in `local` and `render`\n\n| variable | default |\n| --- | --- |\n");
    for (name, default) in LOCAL_DEFAULTS {
        writeln!(text, "| `{name}` | `{default}` |").unwrap();
    }
    text.push('\n');
    text
}

#[test]
fn the_checked_in_table_of_settings_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let found = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = found.split_once(BEGIN).expect("where the table begins");
    let (_, after) = rest.split_once(END).expect("where the table ends");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == wanted, "{FILE} is not what the settings say; `just generate` writes it anew");
}

#[test]
fn what_another_command_takes_is_in_the_table_too() {
    let all: Vec<_> = groups().flat_map(|(group, _)| group.settings).map(|info| info.name).collect();
    for info in [HOOK_EXECUTOR, LOCAL, RENDER].into_iter().flatten().flat_map(|group| group.settings) {
        assert!(all.contains(&info.name), "{}", info.name);
    }
}
