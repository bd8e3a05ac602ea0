//! What a hook may set in its command's environment.
//!
//! Arguments are checked against patterns; a variable that makes a program load code, run another program or write a
//! file would get around them. So whole families are refused for every command: what the dynamic loader and glibc
//! themselves ignore in set-user-ID programs (`unsecvars.h` of glibc), start-up files of shells, and the switches of
//! interpreters. Data is what a hook's environment is for, and data may have any other name.

use std::collections::BTreeSet;

use super::Denial;

/// Variables at once.
const MAX_VARIABLES: usize = 256;

/// Bytes of a name.
const MAX_NAME: usize = 253;

/// Names that are refused.
const REFUSED: &[&str] = &[
    // Where programs and libraries are looked for.
    "PATH",
    "CLASSPATH",
    // glibc: code and files by name, and what its resolver trusts.
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "NIS_PATH",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TZDIR",
    // Shells: files that are run at the start, options, and prompts, which are expanded.
    "BASHOPTS",
    "BASH_ENV",
    "BASH_LOADABLES_PATH",
    "BASH_XTRACEFD",
    "CDPATH",
    "ENV",
    "FPATH",
    "GLOBIGNORE",
    "IFS",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "SHELL",
    "SHELLOPTS",
    "ZDOTDIR",
    // Programs that others start.
    "BROWSER",
    "EDITOR",
    "LESSCLOSE",
    "LESSOPEN",
    "MANPAGER",
    "PAGER",
    "VISUAL",
    // Interpreters and libraries that are configured by name only.
    "AWKLIBPATH",
    "AWKPATH",
    "CURL_HOME",
    "JDK_JAVA_OPTIONS",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "POSIXLY_CORRECT",
    "SSLKEYLOGFILE",
    "_JAVA_OPTIONS",
    // Ours to set, where a command may use the network; a proxy of one's own would only not be reached.
    "ALL_PROXY",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "ftp_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Beginnings of names that are refused.
const REFUSED_PREFIXES: &[&str] = &[
    // Dynamic loaders.
    "DYLD_",
    "LD_",
    // glibc's allocator, which can write files; functions for bash.
    "BASH_FUNC_",
    "MALLOC_",
    // Interpreters: modules to load, code to run.
    "DOTNET_",
    "GEM_",
    "GIT_",
    "JAVA_",
    "LUA_",
    "NODE_",
    "PERL",
    "PHP",
    "PYTHON",
    "RUBY",
];

/// Whether a command may be given this environment.
pub(super) fn check(env: &[(String, String)]) -> Result<(), Denial> {
    if env.len() > MAX_VARIABLES {
        return Err(Denial::TooManyVariables(MAX_VARIABLES));
    }
    let mut names = BTreeSet::new();
    for (number, (name, value)) in env.iter().enumerate() {
        if !is_name(name) {
            return Err(Denial::VariableName(number + 1));
        }
        if is_refused(name) {
            return Err(Denial::Variable(name.clone()));
        }
        if value.contains('\0') {
            return Err(Denial::VariableNul(name.clone()));
        }
        if !names.insert(name) {
            return Err(Denial::VariableTwice(name.clone()));
        }
    }
    Ok(())
}

/// A name as programs can read it. Kubernetes permits more, of which nothing can be read by a shell.
fn is_name(name: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_rest = |byte: u8| is_first(byte) || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    name.len() <= MAX_NAME && name.bytes().next().is_some_and(is_first) && name.bytes().all(is_rest)
}

fn is_refused(name: &str) -> bool {
    REFUSED.contains(&name) || REFUSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(name: &str) -> Result<(), Denial> {
        check(&[(name.to_owned(), "value".to_owned())])
    }

    #[test]
    fn data_may_have_any_ordinary_name() {
        for name in ["A", "_", "LANG", "LC_ALL", "TZ", "API_TOKEN", "tenant.id", "x-y", "LDAP_HOST", "PATHS", "MY_PATH"]
        {
            assert_eq!(checked(name), Ok(()), "{name}");
        }
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("A".into(), String::new())]), Ok(()));
    }

    #[test]
    fn what_loads_or_runs_something_is_refused() {
        for name in [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "LD_AUDIT",
            "LD_",
            "GLIBC_TUNABLES",
            "GCONV_PATH",
            "BASH_ENV",
            "ENV",
            "PATH",
            "IFS",
            "PERL5OPT",
            "PERLLIB",
            "PYTHONPATH",
            "RUBYOPT",
            "NODE_OPTIONS",
            "GIT_SSH_COMMAND",
            "MALLOC_TRACE",
            "http_proxy",
            "OPENSSL_CONF",
        ] {
            assert_eq!(checked(name), Err(Denial::Variable(name.to_owned())), "{name}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_by_its_number() {
        for name in ["", "=", "A=B", "1A", "A B", "A\0", "A\nB", "\u{e9}", "BASH_FUNC_x%%", "-A", &"A".repeat(254)] {
            assert_eq!(checked(name), Err(Denial::VariableName(1)), "{name:?}");
        }
    }

    #[test]
    fn values_and_numbers_are_bounded() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(check(&[pair("A", "a\0b")]), Err(Denial::VariableNul("A".into())));
        assert_eq!(check(&[pair("A", "1"), pair("A", "2")]), Err(Denial::VariableTwice("A".into())));
        let many: Vec<_> = (0..257).map(|i| pair(&format!("A{i}"), "")).collect();
        assert_eq!(check(&many), Err(Denial::TooManyVariables(256)));
        assert_eq!(check(&many[1..]), Ok(()));
    }

    #[test]
    fn the_documented_list_is_this_one() {
        let text = include_str!("../../../docs/hook-executor.md");
        let (_, rest) = text.split_once("<!-- begin: refused variables -->").unwrap();
        let (list, _) = rest.split_once("<!-- end -->").unwrap();
        let mut documented: Vec<_> = list.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        let prefixes = REFUSED_PREFIXES.iter().map(|prefix| format!("{prefix}*"));
        let mut refused: Vec<_> = REFUSED.iter().map(|&name| name.to_owned()).chain(prefixes).collect();
        documented.sort();
        refused.sort();
        assert_eq!(documented, refused);
    }
}
