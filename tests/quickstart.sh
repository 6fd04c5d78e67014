#!/bin/bash
# The two commands of the README as a newcomer gives them: `make up` twice, a request with what `make env` prints, and
# `make down`, after which nothing is left: no process, network namespace, link, route, nftables table, mount or cgroup.
# In: a machine on which `make up` works. Out: exit 0 and the times, or what is wrong.
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "$0")")")
export COMPANION_CACHE=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
export COMPANION_CLUSTER=companion-trial
folder=$COMPANION_CACHE/cluster/$COMPANION_CLUSTER
notes=$(mktemp -d)
trap 'rm -rf "$notes"' EXIT

# Seconds in which a second `make up` must be done.
readonly WARM=90

# A make that called this script must not lend its flags.
fresh_make() {
	env --unset=MAKEFLAGS --unset=MAKELEVEL --unset=MFLAGS --unset=KUBECONFIG --unset=CONTEXT make -C "$root" "$@"
}

fail() {
	echo "quickstart: $*" >&2
	exit 1
}

# What `make down` must leave as it was. Numbers that the kernel deals anew (interface indexes) are left out.
traces() {
	echo "network namespaces:" && ip netns list | cut -d' ' -f1 | sort
	echo "links:" && ip -oneline link | cut -d: -f2 | cut -d@ -f1 | sort
	echo "routes:" && ip -oneline route | sort
	echo "tables:" && nft list tables | sort
	echo "mounts:" && cut -d' ' -f5 /proc/self/mountinfo | sort
	echo "cgroups:" && find /sys/fs/cgroup -type d \( -name "*$COMPANION_CLUSTER*" -o -name 'kubepods*' \) 2>/dev/null | sort
}

# Every process that names the cluster's folder, and their descendants, each with the time of its start.
family() {
	ps -eo pid=,ppid=,lstart=,args= | awk -v folder="$folder" '
		{ pid[NR] = $1; parent[NR] = $2; born[NR] = $3 $4 $5 $6 $7; mine[$1] = index($0, folder) && $8 != "awk" }
		END {
			do {
				grown = 0
				for (row = 1; row <= NR; row++)
					if (!mine[pid[row]] && mine[parent[row]]) { mine[pid[row]] = 1; grown = 1 }
			} while (grown)
			for (row = 1; row <= NR; row++) if (mine[pid[row]]) print pid[row], born[row]
		}' | sort
}

up() {
	local begin=$SECONDS
	fresh_make up 2>&1 | tee "$notes/$1"
	grep -q Lisbon "$notes/$1" || fail "make up showed no reply that knows the fact"
	took=$((SECONDS - begin))
	echo "quickstart: $1 make up took $took s"
}

[ ! -e "$folder" ] || fail "the cluster $COMPANION_CLUSTER is there already: COMPANION_CLUSTER=$COMPANION_CLUSTER make down"
traces >"$notes/before"

edit() { # merge patch of the quickstart's spec
	(
		export KUBECONFIG=$COMPANION_CACHE/quickstart/$COMPANION_CLUSTER/kubeconfig
		PATH=$(cat "$COMPANION_CACHE/quickstart/$COMPANION_CLUSTER/tools"):$PATH
		kubectl --namespace companion patch companiondeployment quickstart --type merge --patch "{\"spec\":$1}"
	)
}

up first
edit '{"replicas":null,"autoscaling":{"minReplicas":2,"maxReplicas":3}}'
up second
[ "$took" -le "$WARM" ] || fail "the second make up took $took s, more than $WARM"

(
	eval "$(fresh_make -s env)"
	kubectl get companiondeployments --all-namespaces
	curl --silent --show-error --fail --max-time 10 --header "authorization: Bearer $OPENAI_API_KEY" "$OPENAI_BASE_URL/models" | grep -q '"default"' ||
		fail "$OPENAI_BASE_URL/models has no model called default"
	curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' "$COMPANION_URL/v1/models" | grep -q 401 ||
		fail "$COMPANION_URL answers without a token"
)

edit '{"suspend":true}' | grep -q patched
if fresh_make -s env >"$notes/env" 2>&1; then
	fail "make env made a token although no worker runs"
fi
grep -q 'spec.suspend is true' "$notes/env" || fail "make env does not say why no worker can be asked: $(cat "$notes/env")"

family >"$notes/family"
[ -s "$notes/family" ] || fail "no process of the cluster was found: this test looks for the wrong thing"
printf '{' >"$folder/cluster.json" # as a full disk leaves it: no reason to leave the cluster
fresh_make down
fresh_make down # nothing to do is no failure

family >"$notes/alive"
# What was killed and waits for the machine's init to take note of it does not run.
ps -eo pid=,stat=,lstart= | awk '$2 !~ /^Z/ { print $1, $3 $4 $5 $6 $7 }' | sort | comm -12 - "$notes/family" >>"$notes/alive"
if [ -s "$notes/alive" ]; then
	cut -d' ' -f1 "$notes/alive" | sort -un | xargs --no-run-if-empty ps -o pid,args -p >&2 || true
	fail "these processes are left"
fi
traces >"$notes/after"
diff "$notes/before" "$notes/after" >&2 || fail "this is left (>) or lost (<)"
[ ! -e "$folder" ] || fail "$folder is left"
echo "quickstart: nothing is left"
