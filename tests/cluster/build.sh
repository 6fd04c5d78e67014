#!/bin/bash
# Builds companion-cluster, pause, kubectl, helm and kubeconform unless these sources were built before, and prints the
# folder they are in. The folder is named by the sources, so checkouts share a build only when it would be the same.
set -euo pipefail
cd "$(dirname "$0")"
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
content=$(find . ../../config/images/pack.sh -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-12)
bin=$cache/bin/$content
if [ ! -d "$bin" ]; then
	echo "building the test cluster out of Go modules (several minutes when Go's cache is empty)" >&2
	part=$bin.$$
	trap 'rm -rf "$part"' EXIT
	mkdir -p "$part"
	# Charts name the Kubernetes they need. The API server would call itself v0.0.0, and Helm render for v1.20.
	kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
	IFS=. read -r major minor _ <<<"${kubernetes#v}"
	version=k8s.io/component-base/version
	helm=helm.sh/helm/v3/pkg
	go build -trimpath -o "$part/" -ldflags "-s -w \
		-X $version.gitVersion=$kubernetes -X $version.gitMajor=$major -X $version.gitMinor=$minor \
		-X $helm/chartutil.k8sVersionMajor=$major -X $helm/chartutil.k8sVersionMinor=$minor \
		-X $helm/lint/rules.k8sVersionMajor=$major -X $helm/lint/rules.k8sVersionMinor=$minor" . tool >&2
	mv "$part/cluster" "$part/companion-cluster"
	# Alone in the image of every pod's sandbox, so without any library.
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$part/" ./pause >&2
	../../config/images/pack.sh localhost/pause:1 "$part/pause.tar" --entrypoint '["/pause"]' --user 65535:65535 -- "$part/pause" /pause
	# Two builds at once make the same; whichever is first stays.
	mv -T "$part" "$bin" 2>/dev/null || [ -d "$bin" ]
fi
echo "$bin"
