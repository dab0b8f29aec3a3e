# landfall's own image.
#
#   docker build -t landfall .                        from source; wants BuildKit and an image registry for both bases
#   fixtures/images/build landfall                    from a binary that was built here, and no registry: see there
#
# It runs as a user without rights, and its doubles bind to loopback of the container unless `landfall up` is told
# otherwise (`--listen`, `--host`).
ARG BUILDER=rust:1-bookworm
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
LABEL org.opencontainers.image.title="landfall" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /landfall
# Runs write their reports here, and journals.
RUN mkdir reports && chown 1000:1000 /landfall reports
USER 1000:1000
ENTRYPOINT ["landfall"]
CMD ["--help"]

# With a binary that is there already, at the top of the build's context.
FROM base AS host
COPY LICENSE ./
COPY scenarios ./scenarios
COPY fixtures/payloads ./fixtures/payloads
COPY landfall /usr/bin/landfall

FROM ${BUILDER} AS build
WORKDIR /source
COPY . .
RUN cargo build --release --locked --bin landfall

FROM base
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY LICENSE ./
COPY scenarios ./scenarios
COPY fixtures/payloads ./fixtures/payloads
COPY --from=build /source/target/release/landfall /usr/bin/landfall
