#!/bin/bash
# Builds both programs and all images, puts the images into the cluster, and installs the charts. In a cluster of the
# user's own nothing is built: it pulls OPERATOR_IMAGE, WORKER_IMAGE and, where set, POSTGRES_IMAGE and REDIS_IMAGE.
set -euo pipefail
# shellcheck source=config/quickstart/common.sh
. "$(dirname "$0")/common.sh"
use_cluster

build_images() {
	step "building the operator and the worker"
	cargo build --release --locked --manifest-path "$repository/Cargo.toml" --workspace --bins
	step "making images"
	local name image
	for name in operator worker postgres redis; do
		image=$("$repository/config/images/build.sh" "$name")
		printf -v "${name^^}_IMAGE" '%s' "$image"
		archives+=("$COMPANION_CACHE/images/$name-${image##*:}.tar")
	done
}

load_images() {
	step "loading images"
	if [ "$(remembered cluster)" = kind ]; then
		local archive image
		for archive in "${archives[@]}"; do
			image=localhost/companion-$(basename "$archive" .tar | sed 's/-\([^-]*\)$/:\1/')
			docker exec "$cluster_name-control-plane" crictl inspecti -q "$image" >/dev/null 2>&1 ||
				kind load image-archive "$archive" --name "$cluster_name"
		done
	else
		companion-cluster load --name "$cluster_name" "${archives[@]}"
	fi
}

case $(remembered cluster) in
context*)
	if [ -z "${OPERATOR_IMAGE:-}" ] || [ -z "${WORKER_IMAGE:-}" ]; then
		fail "CONTEXT: set OPERATOR_IMAGE and WORKER_IMAGE to images that the cluster can pull; config/images/*.Dockerfile make them"
	fi
	;;
*)
	archives=()
	build_images
	load_images
	;;
esac
[[ $OPERATOR_IMAGE == *:* && $OPERATOR_IMAGE != *@* ]] || fail "OPERATOR_IMAGE: give NAME:TAG, found $OPERATOR_IMAGE"

step "installing the charts"
values=(--set "image.repository=${OPERATOR_IMAGE%:*}" --set-string "image.tag=${OPERATOR_IMAGE##*:}" --set "images.worker=$WORKER_IMAGE")
[ -z "${POSTGRES_IMAGE:-}" ] || values+=(--set "images.postgres=$POSTGRES_IMAGE")
[ -z "${REDIS_IMAGE:-}" ] || values+=(--set "images.redis=$REDIS_IMAGE")
quietly helm upgrade --install companion-crds "$repository/charts/companion-crds" \
	--namespace "$system_namespace" --create-namespace --wait --timeout 2m
quietly helm upgrade --install companion-operator "$repository/charts/companion-operator" \
	--namespace "$system_namespace" --wait --timeout 3m "${values[@]}"
echo "$WORKER_IMAGE" >"$state/worker-image"
