//! The stage that every run has: checks the spec, reads the Secrets and asks the origin.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::ExternalSource;
use crate::api::conditions::reasons;
use crate::catalog::Catalog;
use crate::digest::Digest;
use crate::failure::{Class, Failure};
use crate::generators::{Answer, Generator, Progress, Registry, Request, Secrets, Validators};
use crate::pipeline::prepare::{self, Prepared};
use crate::pipeline::{hooks, package, process};
use crate::spool::{Spool, Spools};
use crate::storage::ArtifactKey;

/// What every fetch needs; shared by all.
#[derive(Clone)]
pub struct Fetcher {
    /// Where Secrets are read.
    pub catalog: Arc<dyn Catalog>,
    /// The types of generators.
    pub registry: Registry,
    /// Where bodies go.
    pub spools: Spools,
}

/// One fetch.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// What to fetch.
    pub source: Arc<ExternalSource>,
    /// What is advertised now.
    pub advertised: Option<Advertised>,
    /// What the stage before made, if there was one.
    pub prepared: Option<Prepared>,
    /// Ignore the validators.
    pub force: bool,
    /// Told how far the download is.
    pub progress: Arc<Progress>,
}

/// The advertised archive and what made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// Where it ought to be stored.
    pub key: ArtifactKey,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The origin's names for the content.
    pub validators: Validators,
    /// Fingerprint of the request that made it.
    pub fingerprint: Option<String>,
    /// Digest of the preRequest output that went into that request, as far as this process knows.
    pub input: Option<Digest>,
    /// Generation of the spec that made it.
    pub generation: Option<i64>,
}

/// What came of a fetch. Whether the archive is stored is known even when the origin failed.
#[derive(Debug)]
pub struct Fetched {
    /// Whether the advertised archive is stored; `None` when that could not be found out.
    pub stored: Option<bool>,
    /// Where consumers find it, if it is stored.
    pub url: Option<String>,
    /// What the origin said.
    pub result: Result<Answered, Failure>,
}

/// An answer with what is known about its question.
#[derive(Debug)]
pub struct Answered {
    /// The origin's answer.
    pub answer: Answer,
    /// See [`Generator::fingerprint`].
    pub fingerprint: String,
    /// Digest of the preRequest output, if it went into the request.
    pub input: Option<Digest>,
    /// See [`Generator::origin`].
    pub origin: String,
    /// See [`Generator::file_name`].
    pub file_name: String,
}

impl Fetcher {
    /// Runs one fetch. The origin may answer that nothing changed only if what is advertised is `stored`.
    pub async fn fetch(&self, job: &Fetch, stored: bool) -> Result<Answered, Failure> {
        let generator = self.validate(&job.source)?;
        let spec = &job.source.spec.generator;
        let secrets = match &job.prepared {
            Some(prepared) => prepared.secrets.clone(),
            None => self.secrets(&job.source, generator.as_ref()).await?,
        };
        let output = job.prepared.as_ref().map(|prepared| &prepared.output);
        let output = output.filter(|_| generator.takes_pre_request(spec));
        let (fingerprint, input) = (generator.fingerprint(spec, &secrets), output.map(Spool::digest));
        let validators = job.advertised.as_ref().filter(|advertised| {
            !job.force
                && stored
                && generator.is_conditional(spec)
                && advertised.fingerprint.as_ref() == Some(&fingerprint)
                && advertised.input == input
                && advertised.generation == job.source.metadata.generation
                && advertised.validators != Validators::default()
        });
        let request = Request {
            spec,
            secrets: &secrets,
            pre_request: output,
            validators: validators.map(|advertised| &advertised.validators),
            keep_head: !job.source.spec.assertions.is_empty(),
            spools: &self.spools,
            progress: &job.progress,
        };
        Ok(Answered {
            answer: generator.generate(request).await?,
            fingerprint,
            input,
            origin: generator.origin(spec),
            file_name: generator.file_name(spec),
        })
    }

    /// Checks everything that can be checked without the origin.
    pub(super) fn validate(&self, source: &ExternalSource) -> Result<Arc<dyn Generator>, Failure> {
        let spec = &source.spec;
        let generator = self.registry.get(&spec.generator.kind).ok_or_else(|| {
            let known: Vec<_> = self.registry.kinds().collect();
            invalid(format!("spec.generator.type {:?} is unknown; known: {}", spec.generator.kind, known.join(", ")))
        })?;
        generator.validate(&spec.generator)?;
        let unpack = spec.generator.http.as_ref().and_then(|http| http.unpack.as_ref());
        package::validate(spec.destination_path.as_deref(), unpack)?;
        hooks::check(spec)?;
        process::check(spec)?;
        let from_pre_request = spec.generator.http.as_ref().is_some_and(|http| http.from_pre_request == Some(true));
        if from_pre_request && !prepare::is_needed(spec) {
            return Err(invalid("spec.generator.http.fromPreRequest needs spec.hooks.preRequest".to_owned()));
        }
        Ok(Arc::clone(generator))
    }

    /// The Secrets of a run.
    pub(super) async fn secrets(&self, source: &ExternalSource, generator: &dyn Generator) -> Result<Secrets, Failure> {
        let namespace = source.metadata.namespace.as_deref().unwrap_or_default();
        let mut secrets = BTreeMap::new();
        for name in generator.secrets(&source.spec.generator) {
            let read = self.catalog.secret(namespace, &name).await;
            let read = read.map_err(|error| Failure { reason: reasons::SECRET_UNAVAILABLE, ..error.into() })?;
            let secret = read.ok_or_else(|| Failure {
                class: Class::Waiting,
                reason: reasons::SECRET_UNAVAILABLE,
                message: format!("Secret {name:?} does not exist in namespace {namespace:?}"),
            })?;
            secrets.insert(name, Arc::new(secret));
        }
        Ok(secrets)
    }
}

fn invalid(message: String) -> Failure {
    Failure { class: Class::Configuration, reason: reasons::INVALID_SPEC, message }
}
