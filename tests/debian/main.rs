//! Hooks with the commands that people use them with: jq as Debian packages it, yq from its Go module. `.ci/run`
//! installs what `cargo test` alone cannot count on, so this is no part of it:
//!
//! ```sh
//! cargo test --test debian
//! ```

#[path = "../it/harness/mod.rs"]
mod harness;
#[path = "../it/hooks_sidecar/http.rs"]
mod http;
#[path = "../it/hooks_sidecar/sidecar.rs"]
mod sidecar;

mod peer;
mod policies;
