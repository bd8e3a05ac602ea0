//! What nearly every test needs: a namespace with its controller, and an origin.

use anyhow::Result;
use testbed::{Origin, Testbed};

use super::{Controller, Ledger, Options, Sources, testbed};

/// A namespace of its own with a controller for it, and an origin.
pub struct Scene {
    /// The cluster.
    pub testbed: Testbed,
    /// The namespace's objects.
    pub sources: Sources,
    /// An origin over plain HTTP.
    pub origin: Origin,
    /// The controller of this namespace alone.
    pub controller: Controller,
}

impl Scene {
    /// A namespace whose name begins like this, with the usual controller.
    pub async fn start(prefix: &str) -> Result<Self> {
        Self::start_with(prefix, Options::default()).await
    }

    /// The same, with other settings of the controller.
    pub async fn start_with(prefix: &str, options: Options) -> Result<Self> {
        let testbed = testbed().await?;
        let namespace = testbed.namespace(prefix).await?;
        let controller = Controller::start_with(&testbed, &namespace, options).await?;
        let sources = Sources::of(&testbed, &namespace).await?;
        Ok(Self { testbed, sources, origin: Origin::start().await?, controller })
    }

    /// Counts the controller's writes from now on.
    pub async fn ledger(&self) -> Result<Ledger> {
        Ledger::open(&self.testbed, &self.controller.user, &self.sources.namespace).await
    }
}
