//! The layers that a setting's value can come from: flag over environment over ConfigMap over default.

use std::collections::BTreeMap;
use std::fmt;

use super::go_config;
use super::setting::{Info, Setting};

/// Where a value was found; printed so that its owner knows where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(String),
    /// The environment.
    Environment,
    /// The ConfigMap, under this key.
    ConfigMap(&'static str),
    /// Our own default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::Environment => f.write_str("environment"),
            Self::ConfigMap(key) => write!(f, "ConfigMap key {key}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting that cannot be used; stops the start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// One value is wrong.
    #[error("{name} (from {origin}): {value:?} {why}")]
    Invalid {
        /// The setting.
        name: &'static str,
        /// Where its value was found.
        origin: Origin,
        /// The value.
        value: String,
        /// What is accepted.
        why: String,
    },
    /// There is no value, and nothing to take instead.
    #[error("{name} is not set: {why}")]
    Missing {
        /// The setting.
        name: &'static str,
        /// Why it is needed.
        why: &'static str,
    },
    /// Two values do not go together.
    #[error("{0}")]
    Conflict(String),
    /// The ConfigMap cannot be read.
    #[error("ConfigMap key config.json: {0}")]
    ConfigMap(String),
}

/// Texts of settings by their names, in layers. An empty text counts as unset everywhere.
#[derive(Clone, Default)]
pub struct Values {
    flags: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    config_map: BTreeMap<String, String>,
    defaults: BTreeMap<&'static str, &'static str>,
}

/// Without the texts: some of them are secret.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").finish_non_exhaustive()
    }
}

impl Values {
    /// Values of the command line and of the environment, by setting names, with defaults that differ from the
    /// settings' own.
    pub fn new(
        flags: BTreeMap<String, String>,
        environment: impl IntoIterator<Item = (String, String)>,
        defaults: &[(&'static str, &'static str)],
    ) -> Self {
        Self {
            flags,
            environment: environment.into_iter().collect(),
            config_map: BTreeMap::new(),
            defaults: defaults.iter().copied().collect(),
        }
    }

    /// The same values with this ConfigMap's data below flags and environment.
    pub fn with_config_map(&self, data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let config_map = go_config::flatten(data).map_err(ConfigError::ConfigMap)?;
        Ok(Self { config_map, ..self.clone() })
    }

    /// Keys of the ConfigMap.
    pub fn config_map_keys(&self) -> impl Iterator<Item = &str> {
        self.config_map.keys().map(String::as_str)
    }

    /// The value of a setting that has a default.
    pub fn get<T>(&self, setting: &Setting<T>) -> Result<T, ConfigError> {
        let why = "it has no default";
        self.find(setting)?.ok_or(ConfigError::Missing { name: setting.info.name, why })
    }

    /// The value of a setting that may be absent.
    pub fn find<T>(&self, setting: &Setting<T>) -> Result<Option<T>, ConfigError> {
        let Some((value, origin)) = self.text(&setting.info) else { return Ok(None) };
        match (setting.parse)(value) {
            Ok(parsed) => Ok(Some(parsed)),
            Err(why) => Err(ConfigError::Invalid { name: setting.info.name, origin, value: shown(value), why }),
        }
    }

    /// An error about the value that this setting has, for what a parser cannot see.
    pub fn reject<T>(&self, setting: &Setting<T>, why: impl Into<String>) -> ConfigError {
        let (value, origin) = self.text(&setting.info).unwrap_or(("", Origin::Default));
        ConfigError::Invalid { name: setting.info.name, origin, value: shown(value), why: why.into() }
    }

    /// "NAME (value)", for messages about two settings.
    pub fn quote<T>(&self, setting: &Setting<T>) -> String {
        format!(
            "{} ({})",
            setting.info.name,
            self.text(&setting.info).map_or_else(|| "not set".to_owned(), |(value, _)| shown(value))
        )
    }

    fn text(&self, info: &Info) -> Option<(&str, Origin)> {
        let flag = set_text(&self.flags, info.name).map(|text| (text, Origin::Flag(info.flag())));
        let environment = || set_text(&self.environment, info.name).map(|text| (text, Origin::Environment));
        let config_map = || info.key.and_then(|key| Some((set_text(&self.config_map, key)?, Origin::ConfigMap(key))));
        let default = || {
            let default = self.defaults.get(info.name).copied().or(info.default)?;
            Some((default, Origin::Default))
        };
        flag.or_else(environment).or_else(config_map).or_else(default)
    }
}

fn set_text<'a>(layer: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    layer.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// A value as messages may have it: what stands before the `@` of an address may be a password.
fn shown(value: &str) -> String {
    let Some((user, rest)) = value.rsplit_once('@') else { return value.to_owned() };
    let scheme = user.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}***@{rest}")
}
