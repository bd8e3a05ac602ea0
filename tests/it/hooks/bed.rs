//! A controller with its sidecar.

use anyhow::Result;
use serde_json::{Value, json};
use testbed::wait::condition;

use crate::harness::{Options, Scene, http_source};
use crate::hooks_sidecar::sidecar::{Place, Sidecar};

/// What most tests allow. `fail` and `wait` are what nobody should allow, which is why tests do.
pub const WHITELIST: &str = r#"
commands:
  cat: {allowed: true}
  jq: {allowed: true}
  sh: {allowed: true}
  tr: {allowed: true, argumentPatterns: ["[a-z]"]}
"#;

/// A namespace with a controller that has a sidecar, and an origin.
pub struct Bed {
    pub scene: Scene,
    pub sidecar: Sidecar,
}

impl Bed {
    /// The usual ones.
    pub async fn start(prefix: &str) -> Result<Self> {
        Self::start_with(prefix, Place::new(WHITELIST)?, Options::default()).await
    }

    /// A sidecar at this place, and a controller with these settings.
    pub async fn start_with(prefix: &str, place: Place, options: Options) -> Result<Self> {
        let sidecar = place.start().await?;
        let endpoint = format!("unix://{}", sidecar.socket.display());
        let scene = Scene::start_with(prefix, options.with("HOOK_EXECUTOR_ENDPOINT", endpoint)).await?;
        Ok(Self { scene, sidecar })
    }
}

/// A hook with this command and these arguments.
pub fn hook(name: &str, command: &str, args: &[&str]) -> Value {
    json!({"name": name, "command": command, "args": args})
}

/// A hook that runs this shell script.
pub fn script(name: &str, text: &str) -> Value {
    hook(name, "sh", &["-c", text])
}

/// The same with a policy.
pub fn with_policy(mut hook: Value, policy: &str) -> Value {
    hook["retryPolicy"] = policy.into();
    hook
}

/// The spec of a source that fetches this URL every hour, with more in it.
pub fn with(url: &str, more: &Value) -> Value {
    let mut spec = http_source(url);
    merge(&mut spec, more);
    spec
}

fn merge(target: &mut Value, more: &Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (name, value) in more {
                merge(target.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (target, more) => *target = more.clone(),
    }
}

/// The message of the Ready condition.
pub fn message(source: &Value) -> &str {
    condition(source, "Ready").and_then(|ready| ready["message"].as_str()).unwrap_or_default()
}
