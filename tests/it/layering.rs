//! The order of the modules, as `src/lib.rs` lists them: each uses only what stands above it. And the shape of the files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

const MAX_LINES: usize = 300;

/// Texts of source files by their paths below `src`.
type Tree = BTreeMap<String, String>;

fn read(folder: &Path, root: &Path, tree: &mut Tree) -> Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, root, tree)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root)?.to_str().context("a file name that is no text")?;
            tree.insert(name.to_owned(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The modules that lib.rs declares, in its order.
fn order(lib: &str) -> Vec<&str> {
    lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect()
}

/// The code of a file without what only tests see, without comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).map(|line| line.split(" // ").next().unwrap_or_default().to_owned() + "\n").collect()
}

fn is_test(file: &str) -> bool {
    file.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The top-level module that a file belongs to.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The top-level modules that code names: `crate::name`, each first name in `crate::{a::b, c}`, and what as many `super`s
/// as lead to the top reach.
fn named<'a>(file: &str, code: &'a str) -> Vec<&'a str> {
    let depth = file.trim_end_matches("/mod.rs").split('/').count();
    let top = "super::".repeat(depth);
    let roots = code.match_indices("crate::").map(|(at, root)| at + root.len());
    let supers = code.match_indices(&top).map(|(at, root)| at + root.len());
    roots.chain(supers).flat_map(|at| heads(&code[at..])).collect()
}

/// The first names of a path, or of a list of paths.
fn heads(path: &str) -> Vec<&str> {
    let Some(list) = path.strip_prefix('{') else { return vec![identifier(path)] };
    let (mut depth, mut expects, mut heads) = (1, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => expects = true,
            c if expects && c.is_alphanumeric() => {
                heads.push(identifier(&list[at..]));
                expects = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

/// Everything that is wrong with a tree.
fn violations(tree: &Tree) -> Vec<String> {
    let order = order(tree.get("lib.rs").map(String::as_str).unwrap_or_default());
    let place = |name: &str| order.iter().position(|module| *module == name);
    let mut found = Vec::new();
    for (file, text) in tree {
        if !text.starts_with("//!") {
            found.push(format!("{file} does not begin with what it is for (//!)"));
        }
        if is_test(file) {
            continue;
        }
        let inline = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        let lines = text[..inline].lines().count();
        if lines > MAX_LINES {
            found.push(format!("{file} has {lines} lines, more than {MAX_LINES}"));
        }
        if file == "main.rs" || file == "lib.rs" {
            continue;
        }
        let code = code(text);
        let Some(own) = place(module(file)) else {
            found.push(format!("{file} belongs to no module that lib.rs lists"));
            continue;
        };
        for name in named(file, &code) {
            if place(name).is_some_and(|other| other > own) {
                found.push(format!("{file} uses {name}, which stands below {}", module(file)));
            }
        }
        let names_ractor = code.match_indices("ractor").any(|(at, _)| {
            let before = code[..at].chars().next_back();
            // In quotes it is a name for the log's filter.
            identifier(&code[at..]) == "ractor" && !before.is_some_and(|c| c.is_alphanumeric() || "_\"".contains(c))
        });
        if names_ractor && module(file) != "actors" {
            found.push(format!("{file} names ractor outside of actors"));
        }
    }
    found
}

#[test]
fn modules_use_only_what_stands_above_them_and_files_keep_their_shape() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut tree = Tree::new();
    read(&root, &root, &mut tree)?;
    ensure!(tree.len() > 100 && order(&tree["lib.rs"]).len() > 10, "{} files were found", tree.len());
    let found = violations(&tree);
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

fn tree(file: &str, text: &str) -> Tree {
    let lib = "//! x\npub mod first;\n\npub mod second;\npub mod third;\n\npub mod actors;\n".to_owned();
    [("lib.rs".to_owned(), lib), (file.to_owned(), text.to_owned())].into()
}

#[test]
fn a_broken_rule_is_found() {
    let long = "//! x\n".to_owned() + &"fn a() {}\n".repeat(MAX_LINES);
    for (file, text, expected) in [
        ("second/a.rs", "//! x\nuse crate::third::X;\n", "second/a.rs uses third, which stands below second"),
        ("second/a.rs", "//! x\nuse crate::{first::{A, B}, third::C};\n", "second/a.rs uses third"),
        ("second/a/b.rs", "//! x\nfn f() { crate::actors::go() }\n", "second/a/b.rs uses actors"),
        ("second.rs", "//! x\nuse super::third;\n", "second.rs uses third"),
        ("second/a/mod.rs", "//! x\nuse super::super::third;\n", "second/a/mod.rs uses third"),
        ("third/mod.rs", "//! x\nuse ractor::Actor;\n", "third/mod.rs names ractor"),
        ("third/a.rs", "use crate::first;\n", "third/a.rs does not begin"),
        ("fourth.rs", "//! x\n", "fourth.rs belongs to no module"),
        ("first.rs", &long, "first.rs has 301 lines"),
    ] {
        let found = violations(&tree(file, text));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{file}: {found:?}");
    }
}

#[test]
fn what_keeps_the_rules_is_left_alone() {
    let tests = "//! x\n#[cfg(test)]\nmod tests {\n    use crate::third::X;\n".to_owned() + &"//\n".repeat(MAX_LINES);
    for (file, text) in [
        ("third/a.rs", "//! x\nuse crate::{first, second::{third, B}};\nuse super::b;\n"),
        ("second/a.rs", "//! See [`crate::third`].\nuse crate::second::b; // as crate::third does\n"),
        ("second/a/b.rs", "//! x\nuse super::super::third;\nconst QUIET: &str = \"ractor\";\n"),
        ("actors/a.rs", "//! x\nuse ractor::Actor;\n"),
        ("first/tests/a.rs", "//! x\nuse crate::third::X;\n"),
        ("first/a.rs", &tests),
        ("main.rs", "//! x\nuse flux::actors;\n"),
    ] {
        assert_eq!(violations(&tree(file, text)), Vec::<String>::new(), "{file}");
    }
}
