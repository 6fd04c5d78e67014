#!/bin/bash
# make down: removes what make up made. Caches of builds stay. In a cluster of the user's own that is the charts and
# the two namespaces; the definition of the resource stays, since other namespaces may use it.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"

stop_port_forward() {
	local pid
	pid=$(remembered port-forward.pid)
	# The process of that number may be another by now.
	if [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q port-forward; then
		kill "$pid"
	fi
}

leave_context() {
	use_cluster
	kubectl delete --ignore-not-found --filename "$repository/config/samples/quickstart.yaml" --timeout 3m
	helm uninstall companion-operator companion-crds --namespace "$system_namespace" --ignore-not-found --wait --timeout 3m
	kubectl delete namespace "$system_namespace" --ignore-not-found --timeout 3m
}

if [ ! -e "$state" ]; then
	echo "no quickstart runs"
	exit 0
fi
tools=$(remembered tools)
stop_port_forward
case $(remembered cluster) in
context*) leave_context ;;
kind) "$tools/kind" delete cluster --name "$cluster_name" ;;
own) "$tools/companion-cluster" down --name "$cluster_name" ;;
esac
rm -rf "$state"
echo "all of the quickstart is gone; builds stay in $COMPANION_CACHE"
