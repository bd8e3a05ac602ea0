//! One run up to packaging, without actors: the stages one after the other, with the retries that the controller would
//! make.

use std::sync::Arc;
use std::time::Duration;

use crate::api::ExternalSource;
use crate::failure::Failure;
use crate::generators::{Answer, Content, Progress};
use crate::hooks::Executor;
use crate::pipeline::fetch::{Fetch, Fetcher};
use crate::pipeline::hooks::{self, Execution, Policy, Ran, Retries, Runner, What};
use crate::pipeline::prepare::{self, Prepared, Preparing};
use crate::pipeline::process::{self, Processing};
use crate::pipeline::schedule::{self, ScheduleSettings};

/// What a run needs.
pub struct Once<'a> {
    pub fetcher: &'a Fetcher,
    pub executor: &'a dyn Executor,
    pub schedule: &'a ScheduleSettings,
}

impl Once<'_> {
    /// What is to be packaged, and the name of its file; `None` when the origin says that nothing changed.
    pub async fn run(&self, source: &Arc<ExternalSource>) -> Result<Option<(Content, String)>, Failure> {
        let interval = schedule::interval(&source.spec.interval, Duration::ZERO)?.effective;
        let mut waits = Waits { retries: Retries::of(&source.spec), interval, schedule: self.schedule };
        let prepared =
            if prepare::is_needed(&source.spec) { Some(self.prepare(source, &mut waits).await?) } else { None };
        let progress = Arc::new(Progress::default());
        let fetch = Fetch { source: Arc::clone(source), advertised: None, prepared, force: false, progress };
        let answered = self.fetcher.fetch(&fetch, false).await?;
        let Answer::Content(content) = answered.answer else { return Ok(None) };
        if !process::is_needed(&source.spec) {
            return Ok(Some((content, answered.file_name)));
        }
        let mut job = Processing::new(Arc::clone(source), content, answered.file_name.clone());
        loop {
            match process::process(job, &self.runner()).await? {
                Ran::Done(content) => return Ok(Some((content, answered.file_name))),
                Ran::Again(rest, failure) => {
                    waits.wait(failure).await?;
                    job = *rest;
                }
            }
        }
    }

    async fn prepare(&self, source: &Arc<ExternalSource>, waits: &mut Waits<'_>) -> Result<Prepared, Failure> {
        let mut job = Preparing::new(Arc::clone(source), None);
        loop {
            match prepare::prepare(job, self.fetcher, &self.runner()).await? {
                Ran::Done(prepared) => return Ok(prepared),
                Ran::Again(rest, failure) => {
                    waits.wait(failure).await?;
                    job = *rest;
                }
            }
        }
    }

    fn runner(&self) -> Runner<'_> {
        Runner { executor: self.executor, spools: &self.fetcher.spools, observe: &tell }
    }
}

/// The retries of one run.
struct Waits<'a> {
    retries: Retries,
    interval: Duration,
    schedule: &'a ScheduleSettings,
}

impl Waits<'_> {
    /// Waits for the next try; when there is none, the failure is that of the run.
    async fn wait(&mut self, failure: Failure) -> Result<(), Failure> {
        let nth = self.retries.take().ok_or(failure)?;
        let delay = hooks::delay(&self.schedule.retry, self.interval, nth, fastrand::f64());
        tokio::time::sleep(delay).await;
        Ok(())
    }
}

/// What does not end the run is worth a line all the same.
fn tell(execution: &Execution<'_>) {
    let (What::Hook(hook), Some(error)) = (execution.what, execution.error) else { return };
    let consequence = match hook.policy {
        Policy::Ignore => "its policy is to ignore that",
        Policy::Retry => "its policy is to try again",
        Policy::Fail => return,
    };
    eprintln!("warning: hook {:?} ({}) {error}; {consequence}", hook.name, hook.place());
}
