//! The stage between an answer and its packaging, for sources that have assertions, postRequest hooks or a
//! transformation: whether the answer may be used at all, and what becomes of it.

mod error;
mod spec;

use std::sync::Arc;

use error::{assertion_failure, transform_failure};
pub use spec::{ProcessSpecError, check, is_needed, makes_files, reshapes, writes_yaml};

use crate::api::ExternalSource;
use crate::api::conditions::reasons;
use crate::failure::{Class, Failure};
use crate::generators::Content;
use crate::pipeline::hooks::{self, Position, Ran, Runner, What, When};
use crate::pipeline::package;
use crate::spool::{Spool, Spools};
use crate::transform::{Assertions, Program};

/// An answer on its way through the stage.
#[derive(Debug, Clone)]
pub struct Processing {
    /// Whose answer it is.
    pub source: Arc<ExternalSource>,
    /// The answer as the origin sent it.
    pub content: Content,
    /// See [`crate::generators::Generator::file_name`].
    pub file_name: String,
    /// Where the hooks stand; `None` until the answer is found good.
    pub position: Option<Position>,
}

impl Processing {
    /// A fresh answer.
    pub fn new(source: Arc<ExternalSource>, content: Content, file_name: String) -> Self {
        Self { source, content, file_name, position: None }
    }

    /// Whether commands run here, which may take minutes, and not only expressions.
    pub fn has_hooks(&self) -> bool {
        self.source.spec.hooks.as_ref().is_some_and(|hooks| !hooks.post_request.is_empty())
    }
}

/// Judges the answer, once, and then pipes it through hooks and transformation.
pub async fn process(mut job: Processing, runner: &Runner<'_>) -> Result<Ran<Content, Processing>, Failure> {
    let source = Arc::clone(&job.source);
    let position = if let Some(position) = job.position.take() {
        position
    } else {
        judge(&job).await?;
        assert(&job, runner).await?;
        Position::start(job.content.body.clone())
    };
    let hooks = hooks::read(&source.spec, When::PostRequest)?;
    let body = match runner.chain(&hooks, position).await? {
        Ran::Done(body) => body,
        Ran::Again(position, failure) => {
            return Ok(Ran::Again(Box::new(Processing { position: Some(*position), ..job }), failure));
        }
    };
    let body = transform(&source, body, runner).await?;
    // What the label said was about something else.
    let content_type = job.content.content_type.filter(|_| !reshapes(&source.spec));
    Ok(Ran::Done(Content { body, content_type, ..job.content }))
}

/// Refuses what the origin should not have sent, before anybody works on it.
async fn judge(job: &Processing) -> Result<(), Failure> {
    let (content, source, file_name) = (job.content.clone(), Arc::clone(&job.source), job.file_name.clone());
    let judged = tokio::task::spawn_blocking(move || package::judge(&source.spec, &content, &file_name)).await;
    judged.map_err(|_| crashed())?.map_err(Failure::from)
}

fn crashed() -> Failure {
    let message = "looking at the answer crashed; the controller's log says why".to_owned();
    Failure { class: Class::TRANSIENT, reason: reasons::BUILD_FAILED, message }
}

async fn assert(job: &Processing, runner: &Runner<'_>) -> Result<(), Failure> {
    let assertions = &job.source.spec.assertions;
    if assertions.is_empty() {
        return Ok(());
    }
    let head = job.content.head.as_deref().cloned().unwrap_or_default();
    let program = Program::Assert(Assertions {
        expressions: assertions.iter().map(|assertion| assertion.cel.clone()).collect(),
        status: head.status,
        headers: head.headers,
    });
    // Of an archive, status and headers are all that can be judged.
    let body = if spec::is_archive(&job.source.spec) { Spools::from_bytes("") } else { job.content.body.clone() };
    let run = runner.executor.transform(&program, &body, runner.spools);
    let asserted = runner.observed(What::Assertions, run).await;
    asserted.map(drop).map_err(|error| assertion_failure(assertions, &error))
}

async fn transform(source: &ExternalSource, body: Spool, runner: &Runner<'_>) -> Result<Spool, Failure> {
    let Some(steps) = spec::steps(&source.spec)? else { return Ok(body) };
    let program = Program::Transform(steps);
    let run = runner.executor.transform(&program, &body, runner.spools);
    let transformed = runner.observed(What::Transform, run).await;
    transformed.map_err(|error| transform_failure(&source.spec.transform, &error))
}

#[cfg(test)]
mod tests;
