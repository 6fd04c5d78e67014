#!/bin/bash
# Gives `make up` a cluster: the one of CONTEXT, else kind where a Docker daemon answers, else our own. Leaves in the
# state folder which one it is, a kubeconfig for it, and where kubectl and helm are.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"

choose() {
	if [ -n "${CONTEXT:-}" ]; then
		echo "context $CONTEXT"
	elif [ -n "$(remembered cluster)" ]; then
		remembered cluster
	elif timeout 5 docker version >/dev/null 2>&1; then
		echo kind
	else
		echo own
	fi
}

need_toolchains() {
	command -v cargo >/dev/null || fail "Rust is missing: install it from https://rustup.rs"
	command -v go >/dev/null || fail "Go 1.26 or later is missing: install it from https://go.dev/dl"
}

mkdir -p "$state"
before=$(remembered cluster)
chosen=$(choose)
[ -z "$before" ] || [ "$before" = "$chosen" ] ||
	fail "the quickstart runs in another cluster ($before): make down first"

case $chosen in
context*)
	for tool in kubectl helm curl python3; do
		command -v "$tool" >/dev/null || fail "$tool is missing: with CONTEXT it must be in the PATH"
	done
	config=$(kubectl config view --minify --flatten --context "$CONTEXT")
	: >"$state/tools"
	;;
kind)
	need_toolchains
	"$repository/config/quickstart/packages.sh"
	tools=$("$repository/tests/cluster/build.sh")
	"$tools/kind" get clusters 2>/dev/null | grep -qx "$cluster_name" || "$tools/kind" create cluster --name "$cluster_name" --wait 2m
	config=$("$tools/kind" get kubeconfig --name "$cluster_name")
	echo "$tools" >"$state/tools"
	;;
own)
	[ "$(id -u)" = 0 ] || fail "run as root: without Docker, the cluster needs namespaces, mounts and control groups of its own"
	need_toolchains
	"$repository/config/quickstart/packages.sh"
	tools=$("$repository/tests/cluster/build.sh")
	echo "$tools" >"$state/tools"
	echo own >"$state/cluster"
	"$tools/companion-cluster" up --name "$cluster_name" | sed '/^export /d'
	config=$(cat "$COMPANION_CACHE/cluster/$cluster_name/kubeconfig")
	;;
esac
echo "$chosen" >"$state/cluster"
(umask 077 && echo "$config" >"$state/kubeconfig")
