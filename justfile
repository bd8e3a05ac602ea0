# Every recipe runs from a clean checkout. `just ci` is .ci/run: what a change has to pass, here and anywhere.

image := "flux-externalsource-controller"
tag := "dev"

# List the recipes.
default:
    @just --list

# Compile everything, tests included.
build:
    cargo build --all-targets

# Format the sources.
fmt:
    cargo fmt

# Fail if a source is not formatted.
fmt-check:
    cargo fmt --check

# Lint the code and its documentation; a warning is an error.
lint:
    cargo clippy --workspace --all-targets -- --deny warnings
    RUSTDOCFLAGS="--deny warnings" cargo doc --no-deps --document-private-items

# Run all tests. Those against a real API server and real Flux controllers need Go, and build them the first time.
test *args:
    cargo test {{ args }}

# Run the hooks with Debian's jq and the real yq. Needs Go, and root or sudo the first time.
test-debian *args:
    .ci/debian
    cargo test --test debian -- {{ args }}

# Kill controllers at any moment while they publish, over each kind of storage; `cargo test` does 40 of each.
torture kills="200":
    TORTURE_KILLS={{ kills }} cargo test --test it -- torture

# Write the files that are generated from the types anew.
generate:
    UPDATE_GENERATED=1 cargo test --lib checked_in

# Fail if a generated file is not what the types say.
generate-check:
    cargo test --lib checked_in

# Check bans, licences and sources of the dependencies. Needs cargo-deny.
deny:
    cargo deny check bans licenses sources

# Check the dependencies against the public advisories. Needs cargo-deny and the network.
audit:
    cargo deny check advisories

# Lint and render the chart. Needs Go, for Helm.
chart:
    .ci/chart

# Measure the controller against a real API server (docs/performance.md). Needs Go.
bench *args:
    cargo bench --bench cluster -- {{ args }}

# Measure a 100 MB document from its source's creation to Ready. Needs Go.
bench-large *args:
    cargo bench --bench cluster -- --large 100 {{ args }}

# Measure the building blocks: packaging, spooling, serving.
bench-blocks *args:
    cargo bench --bench blocks -- {{ args }}

# Measure the garbage collector over a folder of many archives.
bench-collector keys="100000":
    cargo bench --bench collector -- {{ keys }}

# Measure what it costs to serve archives, against nginx (docs/performance.md). Needs Go, and Debian's nginx.
bench-serving *args:
    cargo bench --bench serving -- {{ args }}

# Measure what it costs to run a program in the sandbox.
bench-sandbox *args:
    cargo bench --bench sandbox -- {{ args }}

# Measure our jq against the command jq, which has to be installed.
bench-transform:
    cargo bench --bench transform

# Run each fuzz target for so many seconds; what is found goes to fuzz/artifacts.
fuzz seconds="60":
    .ci/fuzz {{ seconds }}

# Compare our jq with the command jq 1.6, which has to be installed, over the table of its tests.
test-jq:
    cargo test --lib -- --ignored the_command_jq_gives_what_the_table_says

# Run the ExternalSources of a folder without a cluster.
run folder="examples/quickstart/manifests" *args="--origin examples/quickstart/origin":
    cargo run --release -- local {{ folder }} {{ args }}

# Build the container image.
image:
    docker build --tag {{ image }}:{{ tag }} .

# Chart, Flux and a sample on a kind cluster. Needs docker, kind, flux, helm, kubectl and the internet.
kind-e2e: image
    #!/usr/bin/env bash
    set -euo pipefail
    cluster=externalsource-e2e
    trap 'kind delete cluster --name "$cluster"' EXIT
    kind create cluster --name "$cluster" --wait 2m
    kind load docker-image --name "$cluster" {{ image }}:{{ tag }}
    flux install --components source-controller,kustomize-controller
    # The gate is off by default: https://fluxcd.io/flux/components/source/externalartifacts/
    kubectl --namespace flux-system patch deployment kustomize-controller --type json --patch \
        '[{"op":"add","path":"/spec/template/spec/containers/0/args/-","value":"--feature-gates=ExternalArtifact=true"}]'
    kubectl --namespace flux-system rollout status deployment kustomize-controller --timeout 2m
    helm install externalsource helm/flux-externalsource-controller --namespace flux-system --wait --timeout 2m \
        --set image.repository={{ image }} --set image.tag={{ tag }}
    kubectl apply --filename deploy/samples/archive.yaml
    kubectl wait --timeout 2m --for condition=Ready externalsource/podinfo
    kubectl wait --timeout 2m --for condition=Ready kustomization/podinfo
    kubectl get externalsource,externalartifact,deployment

# What a change has to pass before it is merged; the chart and kind-e2e come on top.
ci:
    .ci/run
