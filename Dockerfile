# syntax=docker/dockerfile:1
# The same Debian release in both stages: the binary needs the C library that it was linked against.
ARG RUST_VERSION=1.95.0

FROM docker.io/library/rust:${RUST_VERSION}-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --bin flux-externalsource \
    && mkdir /out \
    && cp target/release/flux-externalsource /out/ \
    && ln -s flux-externalsource /out/manager \
    && ln -s flux-externalsource /out/externalsource-hook-executor

# The C library, the authorities' certificates and a user without rights; no shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/ /
USER 65532:65532
# Artifacts, health, metrics.
EXPOSE 8080 8081 8083
ENTRYPOINT ["/flux-externalsource"]
CMD ["controller"]
