# What the quickstart's scripts share, to be sourced: where things are and which cluster is meant. What `make up` chose
# is kept in $state, so that the others act on the same cluster without asking again.
# shellcheck shell=bash disable=SC2034

repository=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
export COMPANION_CACHE=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$COMPANION_CACHE/target}
cluster_name=${COMPANION_CLUSTER:-companion}
state=$COMPANION_CACHE/quickstart/$cluster_name
namespace=companion
system_namespace=companion-system

fail() {
	echo "$*" >&2
	exit 1
}

# Prints how far into the run a step begins; a run is one command of make and the scripts that it calls.
export QUICKSTART_BEGAN=${QUICKSTART_BEGAN:-$EPOCHSECONDS}
SECONDS=$((EPOCHSECONDS - QUICKSTART_BEGAN))
step() { printf '%4d s  %s\n' "$SECONDS" "$*"; }

# Runs a command whose output matters only when it fails.
quietly() {
	local output
	output=$("$@" 2>&1) || fail "$output"
}

remembered() { cat "$state/$1" 2>/dev/null || true; }

# Makes kubectl and helm mean the quickstart's cluster.
use_cluster() {
	[ -f "$state/kubeconfig" ] || fail "no quickstart runs: start it with make up"
	export KUBECONFIG=$state/kubeconfig
	PATH=$(remembered tools):$PATH
}

# Says why nobody can be asked, where that is so.
need_a_worker() {
	local resource=companiondeployment/quickstart suspended
	suspended=$(kubectl --namespace "$namespace" get "$resource" --output jsonpath='{.spec.suspend}')
	[ "$suspended" != true ] ||
		fail "no worker runs, spec.suspend is true; resume with: kubectl --namespace $namespace patch $resource --type merge --patch '{\"spec\":{\"suspend\":false}}'"
	[ "$(kubectl --namespace "$namespace" get "$resource" --output jsonpath='{.spec.replicas}')" != 0 ] ||
		fail "no worker runs, spec.replicas is 0; start one with: kubectl --namespace $namespace scale $resource --replicas 1"
}

# Runs curl against the workers as the quickstart's user.
api() { # path, curl's further arguments
	local path=$1
	shift
	curl --silent --show-error --fail-with-body --max-time 60 -H "Authorization: Bearer $COMPANION_TOKEN" "$@" "$COMPANION_URL$path"
}
