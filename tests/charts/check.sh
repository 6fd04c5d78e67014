#!/bin/bash
# Lints both charts, renders them with every set of values that changes their shape, and holds each rendering against
# the schemas of the API server of the current context. Called by tests/run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

render() { # name of the rendering, chart, helm's arguments
	local name=$1 chart=$2
	shift 2
	helm template companion "charts/$chart" --kube-version "$server" --namespace companion-system "$@" 2>>"$work/helm.log" >"$work/$name.yaml"
	kubeconform -schema-location "$work/schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" -summary "$work/$name.yaml"
}

refuse() { # what the message must hold, helm's arguments
	local message=$1
	shift
	if helm template companion charts/companion-operator --kube-version "$server" "$@" >"$work/refused" 2>&1; then
		echo "helm accepts $*, and should not" >&2
		return 1
	fi
	grep -q -- "$message" "$work/refused" || { cat "$work/refused" >&2; return 1; }
}

server=$(kubectl get --raw /version | python3 -c "import json, sys; print(json.load(sys.stdin)['gitVersion'])")
helm lint --strict charts/companion-crds charts/companion-operator 2>>"$work/helm.log"
python3 tests/charts/schemas.py "$work/schemas"
render definitions companion-crds
render everywhere companion-operator
render namespaced companion-operator --set 'watchNamespaces={chat,shop}'
render single companion-operator --set replicas=1 --set 'imagePullSecrets[0].name=pull' --set priorityClassName=high \
	--set nodeSelector.disk=ssd --set podAnnotations.team=chat

grep -q '^kind: ClusterRole$' "$work/everywhere.yaml"
! grep '^kind: ClusterRole' "$work/namespaced.yaml" || exit 1
! grep '^kind: PodDisruptionBudget' "$work/single.yaml" || exit 1
refuse replicas --set replicas=0
refuse watchNamespaces --set 'watchNamespaces={Upper}'
refuse 'wrongName' --set wrongName=1

for file in config/samples/*.yaml; do
	kubeconform -schema-location "$work/schemas/{{ .ResourceKind }}{{ .KindSuffix }}.json" -summary "$file"
done
