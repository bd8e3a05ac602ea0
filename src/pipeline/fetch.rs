//! The first stage: checks the spec, reads the Secrets and asks the origin.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::ExternalSource;
use crate::api::conditions::reasons;
use crate::catalog::Catalog;
use crate::failure::{Class, Failure};
use crate::generators::{Answer, Generator, Progress, Registry, Request, Secrets, Validators};
use crate::pipeline::package;
use crate::spool::Spools;
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
    /// Generation of the spec that made it.
    pub generation: Option<i64>,
}

/// What came of a fetch. Whether the archive is stored is known even when the origin failed.
#[derive(Debug)]
pub struct Fetched {
    /// Whether the advertised archive is stored; `None` when that could not be found out.
    pub stored: Option<bool>,
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
        let secrets = self.secrets(job, generator.as_ref()).await?;
        let fingerprint = generator.fingerprint(spec, &secrets);
        let validators = job.advertised.as_ref().filter(|advertised| {
            !job.force
                && stored
                && generator.is_conditional(spec)
                && advertised.fingerprint.as_ref() == Some(&fingerprint)
                && advertised.generation == job.source.metadata.generation
                && advertised.validators != Validators::default()
        });
        let request = Request {
            spec,
            secrets: &secrets,
            validators: validators.map(|advertised| &advertised.validators),
            spools: &self.spools,
            progress: &job.progress,
        };
        Ok(Answered {
            answer: generator.generate(request).await?,
            fingerprint,
            origin: generator.origin(spec),
            file_name: generator.file_name(spec),
        })
    }

    /// Checks everything that can be checked without the origin.
    fn validate(&self, source: &ExternalSource) -> Result<Arc<dyn Generator>, Failure> {
        let spec = &source.spec;
        let generator = self.registry.get(&spec.generator.kind).ok_or_else(|| {
            let known: Vec<_> = self.registry.kinds().collect();
            invalid(format!("spec.generator.type {:?} is unknown; known: {}", spec.generator.kind, known.join(", ")))
        })?;
        generator.validate(&spec.generator)?;
        let unpack = spec.generator.http.as_ref().and_then(|http| http.unpack.as_ref());
        package::validate(spec.destination_path.as_deref(), unpack)?;
        let hooks = spec.hooks.as_ref();
        if hooks.is_some_and(|hooks| !hooks.pre_request.is_empty() || !hooks.post_request.is_empty()) {
            let message = "spec.hooks is set, and this controller has no hook executor".to_owned();
            return Err(Failure { class: Class::Configuration, reason: reasons::HOOKS_UNAVAILABLE, message });
        }
        Ok(Arc::clone(generator))
    }

    async fn secrets(&self, job: &Fetch, generator: &dyn Generator) -> Result<Secrets, Failure> {
        let namespace = job.source.metadata.namespace.as_deref().unwrap_or_default();
        let mut secrets = BTreeMap::new();
        for name in generator.secrets(&job.source.spec.generator) {
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
