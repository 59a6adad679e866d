# The bot without the stand-in for Slack and the demo. Build: docker build -t jitbot .
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    SQLX_OFFLINE=true cargo build --release --locked --no-default-features --bin jit \
 && cp target/release/jit /jit

FROM debian:bookworm-slim
# The certificates are for Slack and for webhooks; nothing else is needed.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin jit
COPY --from=build /jit /usr/local/bin/jit
# Mount the policy here, and name the database in DATABASE_URL: the image has no server of its own.
ENV JIT_POLICY=/policy JIT_LISTEN=0.0.0.0:8080 JIT_LOG_FORMAT=json
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["jit"]
CMD ["serve"]
