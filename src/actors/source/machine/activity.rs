//! What people and metrics see of a source. Nothing is decided from it.

use std::sync::Arc;

use super::{Machine, Phase};
use crate::activity::{SourceActivity, State};
use crate::api::conditions;
use crate::generators::Progress;

impl Machine {
    /// What people and metrics see of it.
    pub fn activity(&self) -> SourceActivity {
        let status = self.source.status.as_ref();
        let ready = status.and_then(|status| conditions::find(&status.conditions, conditions::types::READY));
        let artifact = status.and_then(|status| status.artifact.as_ref());
        SourceActivity {
            state: self.state(),
            ready: ready.map(|ready| ready.status == "True"),
            kind: self.source.spec.generator.kind.clone(),
            revision: artifact.map(|artifact| artifact.revision.clone()),
            size: artifact.and_then(|artifact| artifact.size).and_then(|size| u64::try_from(size).ok()),
            url: artifact.map(|artifact| artifact.url.clone()),
            last_fetch: self.last_fetch,
            next_run: self.next_run,
            error: self.last_failure.as_ref().map(|failure| failure.message.clone()),
            progress: self.download(),
            ..SourceActivity::default()
        }
    }

    fn state(&self) -> State {
        match &self.phase {
            Phase::Running(run) => run.state(),
            Phase::Publishing(_) => State::Publishing,
            Phase::Idle if self.source.spec.suspend == Some(true) => State::Suspended,
            Phase::Idle if self.next_run.is_none() && self.last_failure.is_some() => State::Stalled,
            Phase::Idle if self.last_failure.is_some() => State::Failing,
            Phase::Idle if self.current_artifact().is_some() => State::Ready,
            Phase::Idle | Phase::Verifying(_) => State::Queued,
        }
    }

    fn download(&self) -> Option<Arc<Progress>> {
        match &self.phase {
            Phase::Running(run) => run.download(),
            Phase::Verifying(_) | Phase::Idle | Phase::Publishing(_) => None,
        }
    }
}
