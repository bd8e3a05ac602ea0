//! Where nobody runs commands.

use async_trait::async_trait;

use super::{Command, Executor, ExecutorError};
use crate::spool::{Spool, Spools};
use crate::transform::Program;

/// Nobody, and why.
#[derive(Debug)]
pub struct Nobody(pub String);

#[async_trait]
impl Executor for Nobody {
    async fn run(&self, _: &Command, _: &Spool, _: &Spools) -> Result<Spool, ExecutorError> {
        Err(ExecutorError::Unavailable(self.0.clone()))
    }

    async fn transform(&self, _: &Program, _: &Spool, _: &Spools) -> Result<Spool, ExecutorError> {
        Err(ExecutorError::Unavailable(self.0.clone()))
    }

    async fn health(&self) -> Result<Option<String>, ExecutorError> {
        Err(ExecutorError::Unavailable(self.0.clone()))
    }
}
