#!/bin/bash
# Prints shell lines with which any client reaches the running quickstart: eval "$(make -s env)". The token is the
# user `you`'s, for a day. In our own cluster a Service's address is reachable as it is, in others a port is forwarded.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
use_cluster
need_a_worker

forwarded_url() {
	local port=${COMPANION_PORT:-18080}
	if ! kill -0 "$(remembered port-forward.pid)" 2>/dev/null; then
		: >"$state/port-forward.log"
		setsid kubectl --namespace "$namespace" port-forward service/quickstart "$port:80" >"$state/port-forward.log" 2>&1 &
		echo $! >"$state/port-forward.pid"
		local _
		for _ in {1..50}; do
			grep -q Forwarding "$state/port-forward.log" && break
			sleep 0.1
		done
		grep -q Forwarding "$state/port-forward.log" || fail "port $port cannot be forwarded: $(cat "$state/port-forward.log"); set COMPANION_PORT"
	fi
	echo "http://127.0.0.1:$port"
}

if [ "$(remembered cluster)" = own ]; then
	url=http://$(kubectl --namespace "$namespace" get service quickstart --output jsonpath='{.spec.clusterIP}')
else
	url=$(forwarded_url)
fi
# The worker has its configuration and the signing key at hand, so it makes the token.
token=$(kubectl --request-timeout 20s --namespace "$namespace" exec deployment/quickstart -- companion-worker token --user you --ttl 24h)

tools=$(remembered tools)
# shellcheck disable=SC2016
[ -z "$tools" ] || printf 'export PATH=%q:"$PATH"\n' "$tools"
printf 'export %s=%q\n' KUBECONFIG "$KUBECONFIG" COMPANION_URL "$url" COMPANION_TOKEN "$token" \
	OPENAI_BASE_URL "$url/v1" OPENAI_API_KEY "$token"
