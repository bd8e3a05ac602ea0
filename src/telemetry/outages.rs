//! What we depend on and does not answer right now: a line in the log when it begins and ends, a metric, and a detail of
//! the readiness text. Never a reason to be unready, because stored archives are served all the same.

use dashmap::DashMap;

use super::metrics;

/// What can be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// Where objects come from and results go.
    ApiServer,
    /// Who runs hooks and transformations.
    HookExecutor,
    /// Where archives live, as far as they can be read.
    Storage,
    /// The same, as far as it takes more.
    StorageWrites,
}

impl Dependency {
    /// For people and for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiServer => "api-server",
            Self::HookExecutor => "hook-executor",
            Self::Storage => "storage",
            Self::StorageWrites => "storage-writes",
        }
    }
}

/// The outages of this moment. Written by whoever meets one, read by the readiness probe.
#[derive(Debug, Default)]
pub struct Outages {
    away: DashMap<Dependency, String>,
}

impl Outages {
    /// `dependency` answered.
    pub fn over(&self, dependency: Dependency) {
        // Nearly always nothing is away, and this is asked often.
        if self.away.is_empty() || self.away.remove(&dependency).is_none() {
            return;
        }
        metrics::available(dependency.name(), true);
        tracing::info!(dependency = dependency.name(), "it answers again");
    }

    /// `dependency` did not answer; `why` says what happened instead.
    pub fn begin(&self, dependency: Dependency, why: &dyn std::fmt::Display) {
        if self.away.insert(dependency, why.to_string()).is_none() {
            metrics::available(dependency.name(), false);
            tracing::warn!(dependency = dependency.name(), %why, "it does not answer");
        }
    }

    /// Whether `dependency` does not answer.
    pub fn is_away(&self, dependency: Dependency) -> bool {
        !self.away.is_empty() && self.away.contains_key(&dependency)
    }

    /// What is away, by name.
    pub fn all(&self) -> Vec<(&'static str, String)> {
        let mut all: Vec<_> = self.away.iter().map(|entry| (entry.key().name(), entry.value().clone())).collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_lasts_until_its_dependency_answers() {
        let outages = Outages::default();
        outages.over(Dependency::Storage);
        outages.begin(Dependency::Storage, &"full");
        outages.begin(Dependency::ApiServer, &"refused");
        outages.begin(Dependency::Storage, &"fuller");
        assert_eq!(outages.all(), [("api-server", "refused".to_owned()), ("storage", "fuller".to_owned())]);
        outages.over(Dependency::ApiServer);
        outages.over(Dependency::Storage);
        assert_eq!(outages.all(), []);
    }
}
