//! The stages that run hooks, and what is counted and logged of each.

use super::is_stored;
use crate::actors::context::Context;
use crate::api::{ExternalSource, ObjectName};
use crate::failure::Failure;
use crate::generators::Content;
use crate::pipeline::hooks::{Execution, Outcome, Policy, Ran, Runner, What};
use crate::pipeline::prepare::{self, PrepareEnd, Preparing};
use crate::pipeline::process::{self, Processing};
use crate::telemetry::metrics;

/// Looks for what is advertised, once per run, and runs the preRequest hooks.
pub(super) async fn prepare(context: &Context, job: Preparing) -> PrepareEnd {
    let mut stored = None;
    if job.is_fresh() {
        match is_stored(context, job.advertised.as_ref()).await {
            Ok(is_stored) => stored = Some(is_stored),
            Err(error) => return PrepareEnd { stored: None, result: Err(error.into()) },
        }
    }
    let observe = observer(&job.source);
    let result = prepare::prepare(job, &context.fetcher, &runner(context, &observe)).await;
    PrepareEnd { stored, result }
}

/// Judges the answer and pipes it through hooks and transformation.
pub(super) async fn process(context: &Context, job: Processing) -> Result<Ran<Content, Processing>, Failure> {
    let observe = observer(&job.source);
    process::process(job, &runner(context, &observe)).await
}

fn runner<'a>(context: &'a Context, observe: &'a (dyn Fn(&Execution<'_>) + Send + Sync)) -> Runner<'a> {
    Runner { executor: context.executor.as_ref(), spools: &context.spools, observe }
}

fn observer(source: &ExternalSource) -> impl Fn(&Execution<'_>) + Send + Sync + 'static {
    let ObjectName { namespace, name } = ObjectName::of(source);
    move |execution| {
        let (stage, policy, hook) = match execution.what {
            What::Hook(hook) => (hook.when.name(), hook.policy, hook.name.as_str()),
            What::Assertions => ("assertions", Policy::Fail, ""),
            What::Transform => ("transform", Policy::Fail, ""),
        };
        let outcome = execution.error.map_or("success", |error| Outcome::of(error).name());
        metrics::hook_executed(stage, policy.name(), outcome, execution.duration);
        let Some(error) = execution.error else { return };
        let (namespace, name, policy) = (&*namespace, &*name, policy.name());
        tracing::debug!(namespace, name, stage, hook, policy, %error, "a hook failed");
    }
}
