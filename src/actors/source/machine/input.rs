//! What the machine is told and what it asks for. The actor translates both; it decides nothing itself.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::api::ExternalArtifact;
use crate::catalog::{CatalogError, EventType, ObservedSource};
use crate::failure::Failure;
use crate::generators::Content;
use crate::pipeline::fetch::{Advertised, Fetch, Fetched};
use crate::pipeline::hooks::Ran;
use crate::pipeline::package::{Archive, Packaged, Packaging};
use crate::pipeline::prepare::{PrepareEnd, Preparing};
use crate::pipeline::process::Processing;
use crate::pipeline::publish::{Publication, Published};
use crate::pipeline::retire::Retired;
use crate::storage::{ArtifactKey, Integrity};

/// The time, twice: `elapsed` only ever grows and decides; `wall` is for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Time since some fixed moment.
    pub elapsed: Duration,
    /// The date.
    pub wall: Timestamp,
}

/// Numbers the stages of one source. An answer to an older number is ignored: its run was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempt(pub u64);

/// Timers of one source; setting one replaces its earlier setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The next run is due.
    Wake,
    /// The next try of a hook is due.
    Hook,
    /// The next try to publish is due.
    Publish,
    /// The run lasts long enough to be reported.
    Progress,
    /// The advertised bytes are missing for so long that the advertisement is taken back.
    Withdraw,
    /// The ExternalArtifact is put right again.
    Repair,
    /// Some retired revision expires.
    Retire,
    /// The legacy finalizer is tried again.
    Finalizer,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The source exists in this state; sent by the supervisor.
    Observed(ObservedSource),
    /// The ExternalArtifact of the source's name exists in this state, or is gone; sent by the supervisor.
    ArtifactObserved(Option<Arc<ExternalArtifact>>),
    /// The archive of this key was read, and is not what it should be; sent by the supervisor for the collector.
    Unsound(ArtifactKey, Integrity),
    /// There are more revisions than have to be kept; sent by the supervisor for the collector.
    TooMany,
    /// A timer fired.
    Fired(Timer),
    /// A stage ended.
    Ended(Attempt, StageEnd),
}

/// The end of a stage, with what came of it.
#[derive(Debug)]
pub enum StageEnd {
    /// The URL of the advertised archive, if it is stored.
    Verified(Result<Option<String>, Failure>),
    /// The preRequest hooks ended.
    Prepared(PrepareEnd),
    /// The origin answered or failed.
    Fetched(Box<Fetched>),
    /// The answer was judged and piped through hooks and transformation.
    Processed(Result<Ran<Content, Processing>, Failure>),
    /// The answer was packaged or refused.
    Packaged(Result<Packaged, Failure>),
    /// The archive was stored; its URL.
    Stored(Result<String, Failure>),
    /// The objects were written.
    Published(Result<Published, CatalogError>),
    /// The progress of a long run was written.
    Progressed(Result<Published, CatalogError>),
    /// Old revisions were removed; what is left, and in how long to look again.
    Retired(Result<(Retired, Option<Duration>), Failure>),
    /// The legacy finalizer was taken off.
    FinalizerRemoved(Result<(), CatalogError>),
    /// A stage ended without an answer: its actor crashed, or the stage itself did.
    Lost(Job),
}

/// The kinds of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Look whether the advertised archive is stored.
    Verify,
    /// Run the preRequest hooks.
    Prepare,
    /// Ask the origin.
    Fetch,
    /// Judge the answer; run the postRequest hooks and the transformation.
    Process,
    /// Build the archive.
    Package,
    /// Store the archive.
    Store,
    /// Write the objects.
    Publish,
    /// Write the progress of a long run.
    Progress,
    /// Remove old revisions.
    Retire,
    /// Take the legacy finalizer off.
    RemoveFinalizer,
}

impl Job {
    /// Whether giving the stage up leaves nothing half done. Writes to the API server are short and always finished.
    pub fn is_cancellable(self) -> bool {
        matches!(self, Self::Verify | Self::Prepare | Self::Fetch | Self::Process | Self::Package | Self::Store)
    }
}

/// What the actor shall do.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "performed as soon as they are made")]
pub enum Effect {
    /// Start a stage; its end comes back as [`Input::Ended`] with this number.
    Start(Attempt, Work),
    /// Give up the stage under way; its end does not matter any more.
    Cancel,
    /// Let a timer fire after this time.
    Set(Timer, Duration),
    /// Let a timer not fire.
    Clear(Timer),
    /// Note what is advertised, for the artifact server.
    Advertise(Option<ArtifactKey>),
    /// Tell people.
    Tell(EventType, &'static str, String),
    /// A run ended after this time.
    Finished {
        /// Whether the source is Ready.
        success: bool,
        /// Duration of the run.
        duration: Duration,
    },
}

/// A stage to start.
#[derive(Debug)]
pub enum Work {
    /// See [`Job::Verify`].
    Verify(Advertised),
    /// See [`Job::Prepare`].
    Prepare(Preparing),
    /// See [`Job::Fetch`].
    Fetch(Fetch),
    /// See [`Job::Process`].
    Process(Processing),
    /// See [`Job::Package`].
    Package(Packaging),
    /// See [`Job::Store`].
    Store(ArtifactKey, Archive),
    /// See [`Job::Publish`].
    Publish(Box<Publication>),
    /// See [`Job::Progress`].
    Progress(Box<Publication>),
    /// See [`Job::Retire`].
    Retire(Option<ArtifactKey>, Retired),
    /// See [`Job::RemoveFinalizer`].
    RemoveFinalizer,
}

impl Work {
    /// The kind of the stage.
    pub fn job(&self) -> Job {
        match self {
            Self::Verify(_) => Job::Verify,
            Self::Prepare(_) => Job::Prepare,
            Self::Fetch(_) => Job::Fetch,
            Self::Process(_) => Job::Process,
            Self::Package(_) => Job::Package,
            Self::Store(..) => Job::Store,
            Self::Publish(_) => Job::Publish,
            Self::Progress(_) => Job::Progress,
            Self::Retire(..) => Job::Retire,
            Self::RemoveFinalizer => Job::RemoveFinalizer,
        }
    }
}
