# The two commands, and what they are made of. Each target is one script that can be read on its own; caches are in
# $COMPANION_CACHE, by default under ~/.cache/companion, and survive a fresh clone.

COMPANION_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/companion
CARGO_TARGET_DIR ?= $(COMPANION_CACHE)/target
export COMPANION_CACHE CARGO_TARGET_DIR
export CONTEXT OPERATOR_IMAGE WORKER_IMAGE POSTGRES_IMAGE REDIS_IMAGE COMPANION_PORT

.PHONY: up down env test openapi front-ends soak bench safety-model generate cluster images

# A quickstart that answers and remembers: in the cluster of CONTEXT=, else in kind where Docker answers, else in our own.
up:
	@config/quickstart/up.sh

# Removes what make up made.
down:
	@config/quickstart/down.sh

# eval "$(make -s env)": how any client reaches the running quickstart.
env:
	@config/quickstart/env.sh

# All tests, with what they need: sources first, then everything against real parts. Its cluster is not the quickstart's.
test:
	@config/quickstart/packages.sh shellcheck chromium chromium-driver redis-tools
	cargo build --release --locked --workspace --bins
	@tests/static.sh
	@tests/run.sh test
	@echo "all tests passed"

# The service against its OpenAPI document, with more requests than make test makes.
openapi:
	@config/quickstart/packages.sh
	cargo build --release --locked --workspace --bins
	@COMPANION_OPENAPI_REQUESTS=300 tests/run.sh test --test worker openapi

# A real Open WebUI and a real SillyTavern, each with two people. make test sends what they send, without them.
front-ends:
	@config/quickstart/packages.sh
	cargo build --release --locked --workspace --bins
	@tests/run.sh front-ends

# What make test does a few times, fifty times as often: 10,000 messages through workers that are killed, 1,000 cut streams;
# and SIGTERM under 500 streams.
soak:
	@config/quickstart/packages.sh
	cargo build --release --locked --workspace --bins
	@COMPANION_SOAK=50 tests/run.sh test --test worker --no-fail-fast -- exactly_once randomly_cut many_streams --nocapture

# What a worker adds to its model's time, how much it stores, how many streams it holds. SCENES= names some of the scenes.
bench:
	@config/quickstart/packages.sh
	cargo build --release --locked --workspace --bins
	@tests/run.sh bench $(SCENES)

# Trains the layer of safety that weighs what a text means, after lines or lexicon changed. The weights are part of the sources.
safety-model:
	@tests/safety/train.sh

# Writes what is generated from the sources.
generate:
	cargo build --release --locked --workspace --bins
	$(CARGO_TARGET_DIR)/release/companion-operator crd >crds/companiondeployments.yaml
	$(CARGO_TARGET_DIR)/release/companion-worker openapi >docs/openapi.json

# The folder with companion-cluster, kubectl, helm, kind and kubeconform.
cluster:
	@config/quickstart/packages.sh
	@tests/cluster/build.sh

# All images, from the local build.
images:
	cargo build --release --locked --workspace --bins
	@for name in operator worker postgres redis; do config/images/build.sh $$name || exit 1; done
