//! What a setting is: one constant holds its name, default, parser and help, and everything else (the flag, the
//! environment variable, the ConfigMap key, the help text and the messages) follows from it.

use super::parse::Rejected;

/// One setting. The flag is the name in kebab case.
#[derive(Clone, Copy)]
pub struct Setting<T> {
    /// What is shown and looked up; everything but the parser.
    pub info: Info,
    /// Reads the text of a value.
    pub parse: fn(&str) -> Result<T, Rejected>,
}

/// A setting without its type.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Name of the environment variable.
    pub name: &'static str,
    /// Key in the Go implementation's ConfigMap.
    pub key: Option<&'static str>,
    /// Text of the default; `None` when the default is not a constant or there is none.
    pub default: Option<&'static str>,
    /// Name of the value in the help text; "BOOL" may be left out after the flag.
    pub value: &'static str,
    /// One sentence, with the unit.
    pub help: &'static str,
}

impl<T> Setting<T> {
    /// A setting that always has a value.
    pub const fn new(
        name: &'static str,
        default: &'static str,
        value: &'static str,
        parse: fn(&str) -> Result<T, Rejected>,
        help: &'static str,
    ) -> Self {
        Self { info: Info { name, key: None, default: Some(default), value, help }, parse }
    }

    /// A setting that may be absent.
    pub const fn optional(
        name: &'static str,
        value: &'static str,
        parse: fn(&str) -> Result<T, Rejected>,
        help: &'static str,
    ) -> Self {
        Self { info: Info { name, key: None, default: None, value, help }, parse }
    }

    #[must_use]
    /// The same setting, also read from this key of the Go implementation's ConfigMap.
    pub const fn key(mut self, key: &'static str) -> Self {
        self.info.key = Some(key);
        self
    }
}

impl Info {
    /// The long flag without its dashes.
    pub fn flag(&self) -> String {
        self.name.to_ascii_lowercase().replace('_', "-")
    }

    /// Whether the flag may stand without a value, as Go's boolean flags do.
    pub fn is_switch(&self) -> bool {
        self.value == BOOL
    }
}

/// [`Info::value`] of switches.
pub const BOOL: &str = "BOOL";
