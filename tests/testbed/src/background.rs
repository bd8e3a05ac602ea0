//! A runtime and a thread that live as long as the test process.
//!
//! Every `#[tokio::test]` has a runtime of its own that ends with the test, while the control plane and the origins are
//! shared between tests; and Linux sends the parent-death signal when the *thread* that spawned a child ends, which for
//! a libtest thread is the end of its test. What has to outlive a test runs here.

use std::io;
use std::process::{Child, Command};
use std::sync::{LazyLock, mpsc};
use std::thread;

use anyhow::{Context, Result, anyhow};
use tokio::runtime::{Builder, Runtime};

type Reply = mpsc::Sender<io::Result<Child>>;

static RUNTIME: LazyLock<io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).thread_name("testbed").enable_all().build());

static SPAWNER: LazyLock<io::Result<mpsc::Sender<(Command, Reply)>>> = LazyLock::new(|| {
    let (sender, jobs) = mpsc::channel::<(Command, Reply)>();
    thread::Builder::new().name("testbed-spawner".to_owned()).spawn(move || {
        for (mut command, reply) in jobs {
            // A receiver that is gone drops the child's handle; the child still dies with this thread.
            let _ = reply.send(command.spawn());
        }
    })?;
    Ok(sender)
});

/// The runtime that outlives every test.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| anyhow!("cannot start the testbed's runtime: {error}"))
}

/// Runs a future on the runtime that outlives every test and waits for what it gives.
pub(crate) async fn run<T, F>(future: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    runtime()?.spawn(future).await.context("a task of the testbed panicked")?
}

/// Spawns a child from the thread that ends only with the process.
pub(crate) fn spawn(command: Command) -> Result<Child> {
    let spawner = SPAWNER.as_ref().map_err(|error| anyhow!("cannot start the testbed's spawner thread: {error}"))?;
    let (reply, answer) = mpsc::channel();
    spawner.send((command, reply)).map_err(|_| anyhow!("the testbed's spawner thread is gone"))?;
    Ok(answer.recv().context("the testbed's spawner thread is gone")??)
}
