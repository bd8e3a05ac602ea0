//! Hooks with the commands that people use them with: jq as Debian packages it, yq from its Go module. `cargo test` cannot
//! count on either, so this is no part of it: `.ci/debian && cargo test --test debian`, as `.ci/run` does.

#[path = "../it/harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "../it/hooks_sidecar/http.rs"]
mod http;
#[expect(dead_code, reason = "shared with tests/it, which uses all of it")]
#[path = "../it/hooks_sidecar/sidecar.rs"]
mod sidecar;

mod peer;
mod policies;
