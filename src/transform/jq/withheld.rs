//! What jq has and we do not, on purpose, and what to say to somebody who asks for it.

/// Functions and variables that are left out, with the reason.
const WITHHELD: [(&[&str], &str); 6] = [
    (
        &[
            "env",
            "$ENV",
            "input_filename",
            "get_search_list",
            "modulemeta",
            "$__prog_args",
            "input_line_number",
            "get_jq_origin",
            "get_prog_origin",
            "$__loc__",
        ],
        "an expression sees nothing but the document",
    ),
    (&["debug", "stderr"], "an expression has nowhere to write to but its result"),
    (&["halt", "halt_error"], "an expression ends with its result, or with error(...)"),
    (&["now"], "it gives another answer every time, so every run would make a new revision"),
    (&["builtins", "lgamma_r"], "it is not built in"),
    (
        &["localtime", "strflocaltime", "mktime_local", "gettimeofday"],
        "it depends on the machine's time zone; gmtime and strftime are in UTC",
    ),
];

/// Functions of the interpreter that nothing of the above is built on any more.
const NATIVES: [&str; 7] = ["env", "now", "localtime", "strflocaltime", "debug_empty", "stderr_empty", "halt"];

/// Definitions of the standard library that need one of [`NATIVES`].
const DEFINITIONS: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];

/// Whether a native function is left out.
pub(super) fn native(name: &str) -> bool {
    NATIVES.contains(&name)
}

/// Whether a definition of the standard library is left out.
pub(super) fn definition(name: &str) -> bool {
    DEFINITIONS.contains(&name)
}

/// Why there is no such function or variable, when that is on purpose.
pub(super) fn reason(name: &str) -> Option<&'static str> {
    WITHHELD.iter().find(|(names, _)| names.contains(&name)).map(|(_, reason)| *reason)
}
