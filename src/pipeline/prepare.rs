//! The stage before the request, for sources that have preRequest hooks: what the request is made of.

use std::sync::Arc;

use crate::api::{ExternalSource, ExternalSourceSpec};
use crate::failure::Failure;
use crate::generators::Secrets;
use crate::pipeline::fetch::{Advertised, Fetcher};
use crate::pipeline::hooks::{self, Position, Ran, Runner, When};
use crate::spool::{Spool, Spools};

/// A run that has yet to be prepared.
#[derive(Debug, Clone)]
pub struct Preparing {
    /// Whose run it is.
    pub source: Arc<ExternalSource>,
    /// What is advertised now, to be looked for before anything else.
    pub advertised: Option<Advertised>,
    /// What an earlier try left.
    begun: Option<Begun>,
}

/// Secrets are read once per run, however often its hooks are tried.
#[derive(Debug, Clone)]
struct Begun {
    secrets: Secrets,
    position: Position,
}

/// What the request is made of.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The Secrets of this run.
    pub secrets: Secrets,
    /// What the last hook wrote.
    pub output: Spool,
}

/// What came of it. Whether the archive is stored is known even when a hook failed.
#[derive(Debug)]
pub struct PrepareEnd {
    /// Whether the advertised archive is stored; `None` when that was not looked for, or could not be found out.
    pub stored: Option<bool>,
    /// What the hooks made.
    pub result: Result<Ran<Prepared, Preparing>, Failure>,
}

impl Preparing {
    /// A fresh run.
    pub fn new(source: Arc<ExternalSource>, advertised: Option<Advertised>) -> Self {
        Self { source, advertised, begun: None }
    }

    /// Whether no hook of this run was tried yet.
    pub fn is_fresh(&self) -> bool {
        self.begun.is_none()
    }
}

/// Whether a run passes through this stage at all.
pub fn is_needed(spec: &ExternalSourceSpec) -> bool {
    spec.hooks.as_ref().is_some_and(|hooks| !hooks.pre_request.is_empty())
}

/// Checks the whole spec, reads the Secrets and runs the preRequest hooks; the first gets empty input.
pub async fn prepare(
    job: Preparing,
    fetcher: &Fetcher,
    runner: &Runner<'_>,
) -> Result<Ran<Prepared, Preparing>, Failure> {
    let source = job.source;
    // Also when it is tried again: settings may not change, but whoever runs this may.
    let generator = fetcher.validate(&source)?;
    let Begun { secrets, position } = if let Some(begun) = job.begun {
        begun
    } else {
        let secrets = fetcher.secrets(&source, generator.as_ref()).await?;
        Begun { secrets, position: Position::start(Spools::from_bytes("")) }
    };
    let hooks = hooks::read(&source.spec, When::PreRequest)?;
    Ok(match runner.chain(&hooks, position).await? {
        Ran::Done(output) => Ran::Done(Prepared { secrets, output }),
        Ran::Again(position, failure) => {
            let begun = Some(Begun { secrets, position: *position });
            Ran::Again(Box::new(Preparing { source, advertised: job.advertised, begun }), failure)
        }
    })
}
