#!/bin/bash
# Shows what the quickstart is for: tells a fact in one conversation, waits until it is remembered, and asks for it in
# another. The replies are streamed.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
eval "$("$repository/config/quickstart/env.sh")"

fact="My sister Anna lives in Lisbon."
question="Where does my sister live?"

say() { # conversation, message
	printf '\nyou        %s\ncompanion  ' "$2"
	api /v1/chat/completions --no-buffer -H 'Content-Type: application/json' --data \
		"$(python3 -c 'import json, sys; print(json.dumps({"model": "default", "stream": True,
			"metadata": {"conversation_id": sys.argv[1]}, "messages": [{"role": "user", "content": sys.argv[2]}]}))' "$@")" |
		python3 "$repository/config/quickstart/reply.py"
}

wait_until_remembered() {
	local _
	for _ in {1..120}; do
		! api /api/v1/memories | grep -q Lisbon || return 0
		sleep 0.25
	done
	fail "the fact was not remembered within 30 seconds; see: kubectl --namespace $namespace logs deployment/quickstart"
}

now=$(date +%s)
say "quickstart-$now-1" "$fact" || [ $? = 3 ]
wait_until_remembered
for try in 2 3 4; do
	printf '           (another conversation)'
	say "quickstart-$now-$try" "$question" && exit 0
	[ $? = 3 ] || exit 1
	printf '           (too busy to remember in time; once more)\n'
	sleep 2
done
fail "no reply could use the memories: this machine is too busy"
