#!/bin/bash
# make up: from nothing, or from whatever already runs, to a quickstart that answers and remembers.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
here=$repository/config/quickstart

# Once: what a user has changed since then must stay. A sample that has changed itself is applied again.
apply_sample() {
	local sample=$repository/config/samples/quickstart.yaml content
	content=$(sha256sum <"$sample")
	if [ "$(remembered sample)" = "$content" ] &&
		kubectl --namespace "$namespace" get companiondeployment quickstart --output name >/dev/null 2>&1; then
		step "the quickstart is there and stays as it is; to begin anew: make down"
		return
	fi
	step "applying config/samples/quickstart.yaml"
	quietly kubectl apply --filename "$sample"
	echo "$content" >"$state/sample"
}

# A resource keeps the image that it was made with, so a newer build must be asked for by name.
ask_for_newest_image() {
	local used newest
	used=$(kubectl --namespace "$namespace" get companiondeployment quickstart --output jsonpath='{.status.image}')
	newest=$(remembered worker-image)
	[ -z "$used" ] || [ "$used" = "$newest" ] ||
		kubectl --namespace "$namespace" patch companiondeployment quickstart --type merge \
			--patch "{\"spec\":{\"image\":\"$newest\"}}" >/dev/null
}

step "finding or starting a cluster"
"$here/cluster.sh"
use_cluster
"$here/install.sh"
apply_sample
ask_for_newest_image
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
