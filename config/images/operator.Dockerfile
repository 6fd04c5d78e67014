# The operator's image. From the repository's root: docker build -f config/images/operator.Dockerfile .
FROM docker.io/library/rust:1.95-trixie AS program
WORKDIR /source
COPY . .
RUN cargo build --release --locked -p companion-operator

FROM docker.io/library/debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=program /source/target/release/companion-operator /usr/bin/companion-operator
USER 65532:65532
ENTRYPOINT ["/usr/bin/companion-operator"]
