//! The last stage: writes the ExternalArtifact, then the source's status, each only when it differs from what stands
//! there.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

use crate::api::{
    Artifact, ExternalArtifact, ExternalArtifactStatus, ExternalSource, ExternalSourceStatus, conditions,
};
use crate::catalog::{Catalog, CatalogError, is_in_shape};

/// What the ExternalArtifact shall say.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "short-lived, one per publication")]
pub enum Advertise {
    /// Leave it alone; there may be none.
    Nothing,
    /// Advertise this archive, or none while one is being waited for, with this `Ready` condition.
    Artifact {
        /// The archive; `None` withdraws it.
        artifact: Option<Artifact>,
        /// `Ready`, as on the parent.
        ready: Condition,
    },
}

/// A result to write.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The source, with the status that stands there now.
    pub source: Arc<ExternalSource>,
    /// The ExternalArtifact that stands there now, if it is ours.
    pub artifact: Option<Arc<ExternalArtifact>>,
    /// What the ExternalArtifact shall say.
    pub advertise: Advertise,
    /// What the source's status shall be.
    pub status: ExternalSourceStatus,
}

/// The objects after the writes; `None` for what was not written.
#[derive(Debug, Default)]
pub struct Published {
    /// The ExternalArtifact.
    pub artifact: Option<Arc<ExternalArtifact>>,
    /// The source.
    pub source: Option<Arc<ExternalSource>>,
}

/// Writes what differs. After an error, what was written before it stands; the same publication may be tried again.
pub async fn publish(catalog: &dyn Catalog, publication: &Publication) -> Result<Published, CatalogError> {
    let mut published = Published::default();
    if let Advertise::Artifact { artifact, ready } = &publication.advertise {
        published.artifact = advertise(catalog, publication, artifact.as_ref(), ready).await?;
    }
    if publication.source.status.as_ref() != Some(&publication.status) {
        published.source = Some(catalog.apply_source_status(&publication.source, &publication.status).await?);
    }
    Ok(published)
}

async fn advertise(
    catalog: &dyn Catalog,
    publication: &Publication,
    artifact: Option<&Artifact>,
    ready: &Condition,
) -> Result<Option<Arc<ExternalArtifact>>, CatalogError> {
    let source = &publication.source;
    let mut written = None;
    let current = match &publication.artifact {
        Some(current) if is_in_shape(current, source) => current,
        _ => written.insert(catalog.apply_artifact(source).await?),
    };
    let wanted = artifact_status(current, artifact, ready, Timestamp::now());
    if current.status.as_ref() != Some(&wanted) {
        written = Some(catalog.apply_artifact_status(source, &wanted).await?);
    }
    Ok(written)
}

/// The status that `current` shall have: the artifact without what only its source's status holds.
pub fn artifact_status(
    current: &ExternalArtifact,
    artifact: Option<&Artifact>,
    ready: &Condition,
    now: Timestamp,
) -> ExternalArtifactStatus {
    let before = current.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    ExternalArtifactStatus {
        artifact: artifact.map(|artifact| Artifact { observed_generation: None, ..artifact.clone() }),
        conditions: conditions::merge(before, vec![ready.clone()], current.metadata.generation, now),
    }
}

impl Publication {
    /// Whether everything stands there already, so that nothing has to be written.
    pub fn is_current(&self, now: Timestamp) -> bool {
        let advertised = match (&self.advertise, &self.artifact) {
            (Advertise::Nothing, _) => true,
            (Advertise::Artifact { .. }, None) => false,
            (Advertise::Artifact { artifact, ready }, Some(current)) => {
                let wanted = artifact_status(current, artifact.as_ref(), ready, now);
                is_in_shape(current, &self.source) && current.status.as_ref() == Some(&wanted)
            }
        };
        advertised && self.source.status.as_ref() == Some(&self.status)
    }
}
