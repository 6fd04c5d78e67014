#!/bin/bash
# Waits until the quickstart is Ready and prints each change of a condition on the way, once: Ready repeats what a part
# says, and two conditions only turn Ready around. After five minutes it gives up and shows the pods and the latest warnings.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
use_cluster

conditions() {
	kubectl --request-timeout 5s --namespace "$namespace" get companiondeployment quickstart --output jsonpath="$1" 2>/dev/null || true
}

settled='{.metadata.generation}={.status.observedGeneration} {.status.conditions[?(@.type=="Ready")].status}'
each='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}'
give_up=$((SECONDS + 300))
declare -A seen=()
need_a_worker
while :; do
	while IFS= read -r line; do
		[ "${seen[${line%%=*}]:-}" = "$line" ] || step "  $line"
		seen[${line%%=*}]=$line
	done < <(conditions "$each" | grep -v -e ^Reconciling= -e ^Stalled=False -e '^Ready=False .*: \(DatabaseReady\|RedisReady\|Migrated\|WorkersAvailable\): ')
	[[ $(conditions "$settled") =~ ^([0-9]+)=([0-9]+)\ True$ && ${BASH_REMATCH[1]} = "${BASH_REMATCH[2]}" ]] && break
	if [ "$SECONDS" -gt "$give_up" ]; then
		kubectl --namespace "$namespace" get pods >&2
		kubectl --namespace "$namespace" get events --field-selector type=Warning --sort-by .lastTimestamp | tail -10 >&2
		fail "the quickstart is not Ready after five minutes; look further with: eval \"\$(make -s env)\""
	fi
	sleep 0.5
done
