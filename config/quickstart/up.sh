#!/bin/bash
# make up: from nothing, or from whatever already runs, to a quickstart that answers and remembers.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
here=$repository/config/quickstart

# Once: what a user has changed since then must stay.
apply_sample() {
	local sample=config/samples/quickstart.yaml
	if kubectl --namespace "$namespace" get companiondeployment quickstart --output name >/dev/null 2>&1; then
		step "the quickstart is there and stays as it is; to begin anew: make down"
		if [ "$(remembered sample)" != "$(sha256sum <"$repository/$sample")" ]; then
			step "  $sample has changed since; to take it over: kubectl apply --filename $sample"
		fi
		return
	fi
	step "applying $sample"
	quietly kubectl apply --filename "$repository/$sample"
	sha256sum <"$repository/$sample" >"$state/sample"
}

# A resource keeps the image that it was made with, so a newer build must be asked for by name: unless its user has named
# another one.
ask_for_newest_image() { # the image of the build before
	local used asked newest
	used=$(kubectl --namespace "$namespace" get companiondeployment quickstart --output jsonpath='{.status.image}')
	asked=$(kubectl --namespace "$namespace" get companiondeployment quickstart --output jsonpath='{.spec.image}')
	newest=$(remembered worker-image)
	[ -n "$used" ] && [ "$used" != "$newest" ] || return 0
	[ -z "$asked" ] || [ "$asked" = "$1" ] || return 0
	kubectl --namespace "$namespace" patch companiondeployment quickstart --type merge \
		--patch "{\"spec\":{\"image\":\"$newest\"}}" >/dev/null
}

step "finding or starting a cluster"
"$here/cluster.sh"
use_cluster
built_before=$(remembered worker-image)
"$here/install.sh"
apply_sample
ask_for_newest_image "$built_before"
"$here/progress.sh"
step "Ready"
"$here/converse.sh"
cat <<X2

$(step "done")

Next:
  eval "\$(make -s env)"
  echo "\$COMPANION_URL/chat#token=\$COMPANION_TOKEN"     # a page to chat with, for your browser
  curl -sH "Authorization: Bearer \$COMPANION_TOKEN" "\$COMPANION_URL/api/v1/memories"
  kubectl -n $namespace get companiondeployment quickstart
  kubectl -n $namespace scale companiondeployment quickstart --replicas 3
  python3 -m venv ~/companion-openai && ~/companion-openai/bin/pip install openai
  ~/companion-openai/bin/python -c 'from openai import OpenAI; print(OpenAI().models.list())'
  make down
X2
