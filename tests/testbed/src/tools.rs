//! The programs of the testbed, built from pinned Go modules once per machine.
//!
//! Every module of `tools/` has a folder of its own in the cache, named after a hash of all that decides what the build
//! gives, so a change of one does not rebuild the others, and no run ever uses a stale program. The cache is
//! `$XDG_CACHE_HOME` (or `~/.cache`) `/flux-externalsource/testbed`, or `TESTBED_CACHE`.

mod build;
mod go;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::background;

/// A Go module below `tools/` and what is taken out of it.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its folder below `tools/`.
    pub name: &'static str,
    /// The programs that its `tool` directives name.
    pub programs: &'static [&'static str],
    /// Linker flags besides those that strip symbols.
    pub ldflags: &'static str,
    /// The Go module whose `config/crd/bases` holds the CRDs to install.
    pub crds_of: Option<&'static str>,
}

pub(crate) static KUBERNETES: Module = Module {
    name: "kubernetes",
    programs: &["server", "kube-apiserver", "kube-controller-manager", "kubectl"],
    // Without a version the API server calls itself v0.0.0-master, and kubectl and others refuse to work with it.
    ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3 -X k8s.io/component-base/version.gitMajor=1 \
              -X k8s.io/component-base/version.gitMinor=36",
    crds_of: None,
};

pub(crate) static SOURCE_CONTROLLER: Module = Module {
    name: "source-controller",
    programs: &[],
    ldflags: "",
    crds_of: Some("github.com/fluxcd/source-controller"),
};

pub(crate) static KUSTOMIZE_CONTROLLER: Module = Module {
    name: "kustomize-controller",
    programs: &["kustomize-controller"],
    ldflags: "",
    crds_of: Some("github.com/fluxcd/kustomize-controller"),
};

pub(crate) static HELM_CONTROLLER: Module = Module {
    name: "helm-controller",
    programs: &["helm-controller"],
    ldflags: "",
    crds_of: Some("github.com/fluxcd/helm-controller"),
};

pub(crate) static MINIO: Module = Module { name: "minio", programs: &["minio"], ldflags: "", crds_of: None };

pub(crate) static VERSITYGW: Module =
    Module { name: "versitygw", programs: &["versitygw"], ldflags: "", crds_of: None };

static MODULES: [&Module; 6] =
    [&KUBERNETES, &SOURCE_CONTROLLER, &KUSTOMIZE_CONTROLLER, &HELM_CONTROLLER, &MINIO, &VERSITYGW];

/// Where the results of one module are.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    folder: PathBuf,
}

impl Built {
    /// The path of a program. The etcd server's is called `server`, as its Go package is.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(build::PROGRAMS).join(name)
    }

    /// The CRD manifests, in a stable order.
    pub fn crds(&self) -> Result<Vec<PathBuf>> {
        let folder = self.folder.join(build::CRDS);
        let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.sort();
        Ok(files)
    }
}

/// Builds every module that is not in the cache yet, for a developer or a CI step that wants it done beforehand.
pub async fn build_all() -> Result<()> {
    for module in MODULES {
        ensure(module).await?;
    }
    Ok(())
}

/// The path of `kubectl`, built if need be.
pub async fn kubectl() -> Result<PathBuf> {
    Ok(ensure(&KUBERNETES).await?.program("kubectl"))
}

/// The results of a module, built if they are not in the cache yet.
pub(crate) async fn ensure(module: &'static Module) -> Result<Built> {
    // On the runtime that outlives the test: a test that gives up must not leave a half-done build.
    background::run(async move { build::ensure(module).await.map(|folder| Built { folder }) }).await
}

fn sources(module: &Module) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools").join(module.name)
}

fn cache() -> Result<PathBuf> {
    let chosen = |key| env::var_os(key).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = chosen("TESTBED_CACHE") {
        return std::path::absolute(folder).context("TESTBED_CACHE is not a usable path");
    }
    let base = chosen("XDG_CACHE_HOME").or_else(|| Some(chosen("HOME")?.join(".cache")));
    let base =
        base.context("neither TESTBED_CACHE nor XDG_CACHE_HOME nor HOME says where built programs may be kept")?;
    Ok(base.join("flux-externalsource").join("testbed"))
}
