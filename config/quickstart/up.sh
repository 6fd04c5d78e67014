#!/bin/bash
# make up: from nothing, or from whatever already runs, to a quickstart that answers and remembers.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
here=$repository/config/quickstart

step "finding or starting a cluster"
"$here/cluster.sh"
use_cluster
"$here/install.sh"
step "applying config/samples/quickstart.yaml"
kubectl apply --filename "$repository/config/samples/quickstart.yaml" >/dev/null
"$here/progress.sh"
step "Ready"
"$here/converse.sh"
cat <<X2

$(step "done")

Next:
  eval "\$(make -s env)"
  curl -sH "Authorization: Bearer \$COMPANION_TOKEN" "\$COMPANION_URL/api/v1/memories"
  kubectl -n $namespace get companiondeployment quickstart
  kubectl -n $namespace scale companiondeployment quickstart --replicas 3
  pip install openai; python3 -c 'from openai import OpenAI; print(OpenAI().models.list())'
  make down
X2
