//! The stages around the request that run hooks, and when a hook is tried again. Between two tries nothing is held but
//! what the next one starts from.

use super::{Effect, Machine, Now, Phase, Timer, Work};
use crate::failure::Failure;
use crate::generators::Content;
use crate::pipeline::hooks::{self, Ran};
use crate::pipeline::prepare::PrepareEnd;
use crate::pipeline::process::Processing;

impl Machine {
    pub(super) fn on_prepared(&mut self, end: PrepareEnd, now: Now, effects: &mut Vec<Effect>) {
        if let Some(stored) = end.stored {
            self.note_stored(stored, now, effects);
        }
        match end.result {
            Ok(Ran::Done(prepared)) => self.ask(prepared, now, effects),
            Ok(Ran::Again(rest, failure)) => self.try_again(Work::Prepare(*rest), failure, now, effects),
            Err(failure) => self.fail(failure, now, effects),
        }
    }

    pub(super) fn on_processed(
        &mut self,
        result: Result<Ran<Content, Processing>, Failure>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(Ran::Done(content)) => self.pack(content, now, effects),
            Ok(Ran::Again(rest, failure)) => self.try_again(Work::Process(*rest), failure, now, effects),
            Err(failure) => self.fail(failure, now, effects),
        }
    }

    /// Waits for the next try, unless all were made.
    fn try_again(&mut self, rest: Work, failure: Failure, now: Now, effects: &mut Vec<Effect>) {
        let interval = self.effective_interval();
        let Phase::Running(run) = &mut self.phase else { return };
        let Some(nth) = run.retries.take() else { return self.fail(failure, now, effects) };
        run.again = Some(rest);
        let delay = hooks::delay(&self.policy.retry, interval, nth, self.random.f64());
        effects.push(Effect::Set(Timer::Hook, delay));
    }

    pub(super) fn on_hook_due(&mut self, effects: &mut Vec<Effect>) {
        let Phase::Running(run) = &mut self.phase else { return };
        if let Some(rest) = run.again.take() {
            effects.push(Effect::Start(self.next_attempt(), rest));
        }
    }
}
