//! An executor for tests that runs nothing: what a command does follows from its name.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::hooks::{Command, Executor, ExecutorError};
use crate::sandbox::{Exit, Limit};
use crate::spool::{Spool, Spools};
use crate::transform::{Problem, Program};

/// Commands by name: `cat`; `say` writes its first argument; `add` writes its input and then its first argument; `fail`
/// ends with exit code 5; `slow` runs into its time limit; `flaky` fails as often as its first argument says; `count`
/// writes how many commands ran; any other is not allowed. A transformation writes what it was told to.
#[derive(Default)]
pub struct FakeExecutor {
    script: Mutex<Script>,
    held: watch::Sender<bool>,
    under_way: AtomicUsize,
}

struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Script {
    ran: Vec<(String, String)>,
    programs: Vec<(Program, String)>,
    failures: BTreeMap<String, u32>,
    is_down: bool,
    result: Option<Result<Spool, Problem>>,
}

impl FakeExecutor {
    /// From now on it cannot be reached, or it can.
    pub fn set_down(&self, is_down: bool) {
        self.script().is_down = is_down;
    }

    /// Whether commands wait before they end.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Commands that have not ended.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// What programs come to from now on.
    pub fn gives(&self, result: Result<&'static str, Problem>) {
        self.script().result = Some(result.map(Spools::from_bytes));
    }

    /// The commands that were run, each with its input.
    pub fn ran(&self) -> Vec<(String, String)> {
        self.script().ran.clone()
    }

    /// The programs that were evaluated, each with its document.
    pub fn programs(&self) -> Vec<(Program, String)> {
        self.script().programs.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails_again(&self, times: &str) -> bool {
        let mut script = self.script();
        let failures = script.failures.entry(times.to_owned()).or_default();
        *failures += 1;
        *failures <= times.parse().unwrap_or(0)
    }
}

/// The bytes of a spool as text.
pub fn text(spool: &Spool) -> String {
    let mut text = String::new();
    // What cannot be read is not what a test expects.
    let _ = spool.reader().read_to_string(&mut text);
    text
}

#[async_trait]
impl Executor for FakeExecutor {
    async fn run(&self, command: &Command, input: &Spool, _: &Spools) -> Result<Spool, ExecutorError> {
        let input = text(input);
        let count = {
            let mut script = self.script();
            script.ran.push((command.name.clone(), input.clone()));
            script.ran.len()
        };
        let _under_way = UnderWay::new(&self.under_way);
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        if self.script().is_down {
            return Err(ExecutorError::Unavailable("no connection".to_owned()));
        }
        let first = command.args.first().map(String::as_str).unwrap_or_default();
        let output = match command.name.as_str() {
            "say" => first.to_owned(),
            "add" => input + first,
            "count" => count.to_string(),
            "flaky" if self.fails_again(first) => return Err(ExecutorError::Failed(Exit::Code(1))),
            "cat" | "flaky" => input,
            "fail" => return Err(ExecutorError::Failed(Exit::Code(5))),
            "slow" => return Err(ExecutorError::Limit(Limit::Time)),
            name => return Err(ExecutorError::NotAllowed(format!("the command {name:?} is not in the whitelist"))),
        };
        Ok(Spools::from_bytes(output))
    }

    async fn transform(&self, program: &Program, input: &Spool, _: &Spools) -> Result<Spool, ExecutorError> {
        let document = text(input);
        self.script().programs.push((program.clone(), document.clone()));
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let script = self.script();
        if script.is_down {
            return Err(ExecutorError::Unavailable("no connection".to_owned()));
        }
        match &script.result {
            Some(result) => Ok(result.clone()?),
            None => Ok(Spools::from_bytes(document)),
        }
    }

    async fn health(&self) -> Result<Option<String>, ExecutorError> {
        if self.script().is_down { Err(ExecutorError::Unavailable("no connection".to_owned())) } else { Ok(None) }
    }
}
