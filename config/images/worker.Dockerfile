# The worker's image. From the repository's root: docker build -f config/images/worker.Dockerfile .
FROM docker.io/library/rust:1.95-trixie AS program
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p companion-worker

FROM docker.io/library/python:3.13-slim-trixie AS model
COPY config/images/model.sh /
RUN mv "$(COMPANION_CACHE=/cache bash /model.sh)" /model

FROM docker.io/library/debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=program /source/target/release/companion-worker /usr/bin/companion-worker
COPY --from=model /model /usr/share/companion/model
USER 65532:65532
ENTRYPOINT ["/usr/bin/companion-worker"]
