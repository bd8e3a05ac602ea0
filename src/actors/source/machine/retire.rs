//! When old revisions are removed.

use std::time::Duration;

use super::{Effect, Machine, Phase, Timer, Work};
use crate::failure::Failure;
use crate::pipeline::retire::Retired;

impl Machine {
    pub(super) fn retire(&mut self, effects: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Idle) {
            effects.push(Effect::Start(self.attempt, Work::Retire(self.advertised_key(), self.retired.clone())));
        } else {
            // What is being published is not yet known to be advertised.
            effects.push(Effect::Set(Timer::Retire, self.policy.retry.base_delay));
        }
    }

    pub(super) fn on_retired(
        &mut self,
        result: Result<(Retired, Option<Duration>), Failure>,
        effects: &mut Vec<Effect>,
    ) {
        let next = match result {
            Ok((retired, next)) => {
                self.retired = retired;
                next
            }
            Err(_) => Some(self.policy.retry.max_delay),
        };
        effects.extend(next.map(|delay| Effect::Set(Timer::Retire, delay)));
    }
}
