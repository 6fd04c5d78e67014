#!/bin/bash
# Runs the tests that need real parts, with the cluster, PostgreSQL and Redis they need, and takes all of it down.
# In: release binaries built by cargo in $CARGO_TARGET_DIR. Images, cluster tools and model are made unless they are there.
# Usage: run.sh test [cargo test's arguments] | front-ends | bench [scenes]
#   KEEP=1              keeps the cluster, so that the next run starts faster and failures can be looked at
#   RUST_TEST_THREADS   tests at once, by default 4: most of them wait for Kubernetes
set -euo pipefail

here=$(dirname "$(realpath "$0")")
root=$(dirname "$here")
export COMPANION_CACHE=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$COMPANION_CACHE/target}
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-4}
cluster=${COMPANION_TEST_CLUSTER:-companion-test}
failures=$COMPANION_CACHE/failures/$(date -u +%Y%m%dT%H%M%SZ)
start=$SECONDS

say() {
	printf '\033[1m[%4d s] %s\033[0m\n' $((SECONDS - start)) "$*"
}

# What the tests are given; what the caller set already stays.
prepare() {
	local bin
	bin=$("$here/cluster/build.sh")
	export PATH=$bin:$PATH
	export COMPANION_CLUSTER_DIR=$COMPANION_CACHE/cluster/$cluster
	export KUBECONFIG=$COMPANION_CLUSTER_DIR/kubeconfig
	export COMPANION_WORKER_BIN=$CARGO_TARGET_DIR/release/companion-worker
	export COMPANION_OPERATOR_BIN=$CARGO_TARGET_DIR/release/companion-operator
	export COMPANION_MODEL_DIR=${COMPANION_MODEL_DIR:-$("$root/config/images/model.sh")}
	COMPANION_MACHINE=$("$here/worker/machine.sh")
	export COMPANION_MACHINE
	local name variable image
	for name in worker operator postgres redis pgbouncer; do
		variable=COMPANION_${name^^}_IMAGE
		image=${!variable:-$("$root/config/images/build.sh" "$name")}
		export "$variable=$image"
	done
	# The same worker under another name: to the operator a new release.
	export COMPANION_WORKER_NEXT_IMAGE=${COMPANION_WORKER_IMAGE%:*}:next
}

# Prints the bin folder of a Python environment with what a list requires, made once for each list.
environment() { # the list, further arguments for pip
	local folder
	folder=$COMPANION_CACHE/python/$(sha256sum "$1" | cut -c1-12)
	if [ ! -e "$folder/ready" ]; then
		rm -rf "$folder"
		# In a command substitution nothing ends the script by itself.
		python3 -m venv "$folder" >&2 || exit 1
		"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$1" "${@:2}" >&2 || exit 1
		touch "$folder/ready"
	fi
	echo "$folder/bin"
}

# Clients that others wrote, and schemathesis. Node comes out of a wheel.
clients() {
	local bin frameworks
	bin=$(environment "$here/e2e/requirements.txt")
	frameworks=$(environment "$here/worker/clients/requirements.txt")
	export COMPANION_PYTHON=$bin/python COMPANION_FRAMEWORKS_PYTHON=$frameworks/python COMPANION_NODE=$bin/node
	COMPANION_JAVASCRIPT=$(javascript "$here/worker/clients")
	export COMPANION_JAVASCRIPT
}

# Prints a folder with the scripts of another and what its package.json requires, installed once for each list.
javascript() { # the folder with the scripts
	local folder
	folder=$COMPANION_CACHE/javascript/$(sha256sum "$1"/package*.json | cut -d' ' -f1 | sha256sum | cut -c1-12)
	mkdir -p "$folder"
	cp "$1"/*.json "$1"/*.mjs "$folder" || exit 1
	if [ ! -e "$folder/ready" ]; then
		PATH=$(dirname "$COMPANION_NODE"):$PATH npm ci --prefix "$folder" --silent --no-audit --no-fund >&2 || exit 1
		touch "$folder/ready"
	fi
	echo "$folder"
}

# Front ends that others wrote. Open WebUI's list is whole: what it names beyond it is never loaded here.
front_ends() {
	COMPANION_OPEN_WEBUI_PYTHON=$(environment "$here/front_ends/open_webui/requirements.txt" --no-deps)/python
	COMPANION_SILLYTAVERN=$(javascript "$here/front_ends/sillytavern")
	export COMPANION_OPEN_WEBUI_PYTHON COMPANION_SILLYTAVERN
}

start_cluster() {
	companion-cluster up --name "$cluster"
	local image archives=()
	for image in "$COMPANION_WORKER_IMAGE" "$COMPANION_OPERATOR_IMAGE" "$COMPANION_POSTGRES_IMAGE" "$COMPANION_REDIS_IMAGE" \
		"$COMPANION_PGBOUNCER_IMAGE"; do
		image=${image##*/companion-}
		archives+=("$COMPANION_CACHE/images/${image/:/-}.tar")
	done
	companion-cluster load --name "$cluster" "${archives[@]}"
	ctr --address "$COMPANION_CLUSTER_DIR/containerd.sock" --namespace k8s.io \
		images tag --force "$COMPANION_WORKER_IMAGE" "$COMPANION_WORKER_NEXT_IMAGE" >/dev/null
}

# The operator comes first, as it does where charts are applied in any order: it waits for its definition.
install_operator() {
	local first=
	kubectl get crd companiondeployments.companion.dev >/dev/null 2>&1 || first=yes
	helm upgrade --install companion-operator "$root/charts/companion-operator" --namespace companion-system --create-namespace \
		--set image.repository="${COMPANION_OPERATOR_IMAGE%:*}" --set image.tag="${COMPANION_OPERATOR_IMAGE##*:}" \
		--set images.worker="$COMPANION_WORKER_IMAGE" --set images.postgres="$COMPANION_POSTGRES_IMAGE" \
		--set images.redis="$COMPANION_REDIS_IMAGE" >/dev/null
	[ -z "$first" ] || await_waiting_operator
	helm upgrade --install companion-crds "$root/charts/companion-crds" --namespace companion-system --wait --timeout 2m >/dev/null
	kubectl --namespace companion-system rollout status deployment/companion-operator --timeout=3m >/dev/null
}

await_waiting_operator() {
	local _
	for _ in {1..60}; do
		! kubectl --namespace companion-system logs deployment/companion-operator 2>/dev/null |
			grep -q "waiting for the CustomResourceDefinition" || return 0
		sleep 1
	done
	echo "the operator does not say that its definition is missing" >&2
	return 1
}

# PostgreSQL, PgBouncer and Redis that the tests share; the password is made for this cluster and kept in its folder.
start_data() {
	local secret=$COMPANION_CLUSTER_DIR/tests-password
	[ -s "$secret" ] || head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$secret"
	local password
	password=$(cat "$secret")
	sed -e "s|\${COMPANION_POSTGRES_IMAGE}|$COMPANION_POSTGRES_IMAGE|" -e "s|\${COMPANION_REDIS_IMAGE}|$COMPANION_REDIS_IMAGE|" \
		-e "s|\${COMPANION_PGBOUNCER_IMAGE}|$COMPANION_PGBOUNCER_IMAGE|" -e "s|\${PASSWORD}|$password|" "$here/data.yaml" >"$COMPANION_CLUSTER_DIR/data.yaml"
	# A pod that was kept from before a change cannot be changed.
	kubectl apply -f "$COMPANION_CLUSTER_DIR/data.yaml" >/dev/null 2>&1 || {
		kubectl --namespace companion-tests-data delete pod --all --now >/dev/null
		kubectl apply -f "$COMPANION_CLUSTER_DIR/data.yaml" >/dev/null
	}
	kubectl --namespace companion-tests-data wait --for=condition=Ready pod/postgres pod/postgres-replica pod/redis pod/pgbouncer --timeout=120s >/dev/null
	COMPANION_TEST_DATABASE_URL="postgres://postgres:$password@$(address postgres):5432/postgres"
	COMPANION_TEST_REDIS_URL="redis://:$password@$(address redis):6379"
	COMPANION_TEST_POOLER=$(address pgbouncer):6432
	COMPANION_TEST_REPLICA_URL="postgres://postgres:$password@$(address postgres-replica):5432/postgres"
	export COMPANION_TEST_DATABASE_URL COMPANION_TEST_REDIS_URL COMPANION_TEST_POOLER COMPANION_TEST_REPLICA_URL
}

address() {
	kubectl --namespace companion-tests-data get service "$1" --output 'jsonpath={.spec.clusterIP}'
}

# Leaves nothing running, and keeps what a failure can be read from.
finish() {
	local status=$?
	trap - EXIT
	if [ "$status" != 0 ] && [ -d "${COMPANION_CLUSTER_DIR:-/nonexistent}" ]; then
		mkdir -p "$failures"
		cp -r "$COMPANION_CLUSTER_DIR/logs" "$failures/" 2>/dev/null || true
		{
			kubectl get all,events,companiondeployments --all-namespaces --output wide
			kubectl --namespace companion-system logs --selector app.kubernetes.io/name=companion-operator --tail=-1 --prefix
		} >"$failures/cluster.txt" 2>&1 || true
		say "failed; logs are in $failures"
	fi
	if [ -z "${KEEP:-}" ]; then
		companion-cluster down --name "$cluster" || true
	elif [ -d "${COMPANION_CLUSTER_DIR:-/nonexistent}" ]; then
		say "kept: export KUBECONFIG=$KUBECONFIG"
	fi
	exit "$status"
}

main() {
	local what=${1:-test}
	[ $# = 0 ] || shift
	cd "$root"
	prepare
	clients
	trap finish EXIT
	say "starting the cluster"
	start_cluster
	say "installing the operator, PostgreSQL and Redis"
	install_operator
	start_data
	case $what in
	front-ends)
		say "installing the front ends"
		front_ends
		cargo test --release --locked --workspace --test front_ends -- --nocapture
		;;
	bench)
		cargo bench --locked --workspace --bench load -- "$@"
		;;
	test)
		say "testing"
		if [ $# -gt 0 ]; then
			cargo test --release --locked --workspace "$@"
		else
			"$here/charts/check.sh"
			# Workers on this machine have deadlines of 50 ms to keep, those in the cluster mostly wait for it.
			local failed=
			cargo test --release --locked --workspace --no-fail-fast --lib --bins \
				--test at_rest --test data --test e2e --test namespaced --test operator || failed=yes
			RUST_TEST_THREADS=2 cargo test --release --locked --workspace --test worker || failed=yes
			# What it measures is printed.
			cargo test --release --locked --workspace --test safety -- --nocapture || failed=yes
			[ -z "$failed" ] || return 1
			[ -n "${KEEP:-}" ] || companion-cluster down --name "$cluster"
			say "the quickstart, twice, and its end"
			"$here/quickstart.sh"
		fi
		;;
	*)
		echo "usage: run.sh test [cargo test's arguments] | front-ends | bench [scenes]" >&2
		return 2
		;;
	esac
	say "done"
}

main "$@"
