//! The `flux-externalsource` binary.

use std::process::ExitCode;

use flux_externalsource::cli::{self, Invocation};
use flux_externalsource::config::ConfigError;
use flux_externalsource::{sandbox, transform};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    use_small_pages();
    if std::env::args_os().nth(1).is_some_and(|argument| argument == sandbox::SUBCOMMAND) {
        return sandbox::wrapper_main();
    }
    if let Some(code) = transform::builtin(std::env::args_os()) {
        return code;
    }
    // Fails only when somebody installed one before us, which nobody does.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let environment = std::env::vars_os().map(|(name, value)| (lossy(&name), lossy(&value)));
    match cli::parse(std::env::args_os(), environment) {
        Ok(invocation) => run(invocation).unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            // What the ConfigMap says is read later than flags and environment, and ends the same.
            if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }),
        Err(error) => error.report(),
    }
}

/// Half of a page of 2 MiB is wasted on what a source holds; where the kernel hands such pages out unasked, the
/// allocator's own switch is not enough.
#[cfg(target_os = "linux")]
fn use_small_pages() {
    // Without it, more memory is used.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(not(target_os = "linux"))]
fn use_small_pages() {}

#[tokio::main]
async fn run(invocation: Invocation) -> anyhow::Result<ExitCode> {
    cli::run(invocation).await
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}
