//! A generator whose answers are scripted: `spec.generator.http.url` names the origin.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::api::conditions::reasons;
use crate::api::external_source::GeneratorSpec;
use crate::failure::{Class, Failure};
use crate::generators::{Answer, Content, Generator, Request, Secrets, Validators};
use crate::pipeline::hooks::testing::text;
use crate::spool::Spools;

/// Says "a: 1" unless told otherwise.
#[derive(Default)]
pub struct FakeOrigin {
    script: Mutex<Script>,
    held: watch::Sender<bool>,
    under_way: AtomicUsize,
}

#[derive(Default)]
struct Script {
    contents: BTreeMap<String, &'static str>,
    /// Where nothing is to be had, for good.
    useless: BTreeSet<String>,
    requests: Vec<(String, Instant)>,
    /// Of the newest request to each: what the hooks before it made, and whether it was conditional.
    last: BTreeMap<String, (Option<String>, bool)>,
}

impl FakeOrigin {
    /// What this origin says from now on.
    pub fn says(&self, url: &str, content: &'static str) {
        self.script().contents.insert(url.to_owned(), content);
    }

    /// This origin fails in a way that is not tried again.
    pub fn is_useless(&self, url: &str) {
        self.script().useless.insert(url.to_owned());
    }

    /// Whether answers wait.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Requests that are not answered yet.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// When this origin was asked.
    pub fn requests(&self, url: &str) -> Vec<Instant> {
        self.script().requests.iter().filter(|(asked, _)| asked == url).map(|(_, at)| *at).collect()
    }

    /// What the newest request to this origin was made from, and whether it was conditional.
    pub fn last_request(&self, url: &str) -> Option<(Option<String>, bool)> {
        self.script().last.get(url).cloned()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Generator for FakeOrigin {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn validate(&self, _: &GeneratorSpec) -> Result<(), Failure> {
        Ok(())
    }

    fn secrets(&self, _: &GeneratorSpec) -> Vec<String> {
        Vec::new()
    }

    fn takes_pre_request(&self, _: &GeneratorSpec) -> bool {
        true
    }

    fn fingerprint(&self, spec: &GeneratorSpec, _: &Secrets) -> String {
        url(spec)
    }

    fn origin(&self, spec: &GeneratorSpec) -> String {
        url(spec)
    }

    fn file_name(&self, _: &GeneratorSpec) -> String {
        "config.yaml".to_owned()
    }

    fn is_conditional(&self, _: &GeneratorSpec) -> bool {
        true
    }

    async fn generate(&self, request: Request<'_>) -> Result<Answer, Failure> {
        let url = url(request.spec);
        {
            let mut script = self.script();
            script.requests.push((url.clone(), Instant::now()));
            let made_from = request.pre_request.map(text);
            script.last.insert(url.clone(), (made_from, request.validators.is_some()));
        }
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let _under_way = UnderWay(&self.under_way);
        let _ = self.held.subscribe().wait_for(|held| !held).await;
        let script = self.script();
        if script.useless.contains(&url) {
            let message = "nothing to be had".to_owned();
            return Err(Failure { class: Class::Configuration, reason: reasons::FETCH_FAILED, message });
        }
        let content = script.contents.get(&url).copied().unwrap_or("a: 1");
        let validators = Validators { etag: Some(format!("{content:?}")), last_modified: None };
        if request.validators == Some(&validators) {
            return Ok(Answer::NotModified);
        }
        Ok(Answer::Content(Content { body: Spools::from_bytes(content), validators, content_type: None, head: None }))
    }
}

fn url(spec: &GeneratorSpec) -> String {
    spec.http.as_ref().map(|http| http.url.clone()).unwrap_or_default()
}
