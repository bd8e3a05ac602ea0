//! Rules that the API server holds objects to: patterns, limits and CEL.
//!
//! Every string and list has a bound, because the API server estimates the cost of CEL from the bounds and refuses a
//! definition whose estimate is too high
//! (<https://kubernetes.io/docs/reference/using-api/cel/#resource-constraints>). No rule looks at the status, and none
//! compares with the old object, so a rule that is added later does not lock objects that were stored before it: the
//! API server lets unchanged values pass (validation ratcheting).
//!
//! There is none on the spec itself, for what has to hold between its fields: over a spec that is no object it could not
//! be evaluated, and the API server would refuse even the status that says so. The controller checks that.

use kube::core::{Reason, Rule};

/// A Go duration as [`super::duration::parse`] reads it.
pub const DURATION: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";

/// [`DURATION`], or nothing: an empty string counts as absent.
pub const OPTIONAL_DURATION: &str = r"^(([0-9]+(\.[0-9]+)?(ms|s|m|h))+)?$";

/// Longest duration in characters.
pub const MAX_DURATION: usize = 256;

/// An http or https URL with a host. Schemes know no case (RFC 3986, section 3.1).
pub const URL: &str = r"^[Hh][Tt][Tt][Pp][Ss]?://[^/?#\s]+";

/// Longest URL in characters.
pub const MAX_URL: usize = 8192;

/// A method is a token (RFC 9110, section 9.1); an empty string counts as absent.
pub const METHOD: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]*$";

/// Longest method in characters.
pub const MAX_METHOD: usize = 64;

/// Name of an object: a DNS subdomain
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>).
pub const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// A key of a Secret (<https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data>).
pub const SECRET_KEY: &str = r"^[-._a-zA-Z0-9]+$";

/// Longest name of an object or a key, in characters.
pub const MAX_NAME: usize = 253;

/// Longest path in an archive, in characters.
pub const MAX_PATH: usize = 1024;

/// Most leading segments that can be taken off a path.
pub const MAX_STRIP: i64 = 32;

/// Most hooks before, and most after the request.
pub const MAX_HOOKS: usize = 64;

/// Most arguments of a hook.
pub const MAX_ARGUMENTS: usize = 256;

/// Most variables of a hook.
pub const MAX_VARIABLES: usize = 256;

/// Name of a variable: what `execve` can carry, without an `=` (POSIX.1-2017, section 8.1).
pub const VARIABLE_NAME: &str = r"^[^=\x00]+$";

/// Longest argument, or variable with its value, that Linux hands to a program, in characters (`MAX_ARG_STRLEN`).
pub const MAX_ARGUMENT: usize = 131_071;

/// Longest jq or CEL expression, in characters: what a person can still read, and far below what makes compilers of
/// expressions run out of stack.
pub const MAX_EXPRESSION: usize = 2048;

/// Most steps of a transformation.
pub const MAX_STEPS: usize = 16;

/// Most assertions about an answer.
pub const MAX_ASSERTIONS: usize = 16;

/// Longest message of an assertion, in characters.
pub const MAX_MESSAGE: usize = 1024;

/// Rules of a path inside an archive.
pub fn path() -> [Rule; 3] {
    [
        Rule::new("!self.startsWith('/')").message("must be a relative path"),
        Rule::new("!self.matches('(^|/)[.][.](/|$)')").message("must not contain a \"..\" segment"),
        Rule::new(r"!self.matches(r'[\\\p{Cc}]')").message("must not contain backslashes or control characters"),
    ]
}

/// The sub-object of the chosen type has to be there.
pub fn generator() -> [Rule; 1] {
    [Rule::new("self.type != 'http' || has(self.http)")
        .message("is required when type is \"http\"")
        .reason(Reason::FieldValueRequired)
        .field_path(".http")]
}

/// A step is one of its kinds.
pub fn transform_step() -> [Rule; 1] {
    [Rule::new("has(self.jq) != has(self.cel)").message("must have exactly one of jq and cel")]
}
