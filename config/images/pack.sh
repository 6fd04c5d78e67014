#!/bin/bash
# Packs files into an image with buildah: no engine runs, nothing is pulled, and the same contents give the same image.
# Usage: pack.sh IMAGE ARCHIVE [options of buildah config] -- SOURCE PATH [SOURCE PATH ...]
# A tar file is unpacked at its path with its owners; anything else is copied and belongs to root.
set -euo pipefail

image=$1 archive=$2
shift 2
options=()
while [ "$1" != -- ]; do
	options+=("$1")
	shift
done
shift

mkdir -p "$(dirname "$archive")"
part=$(mktemp -d "$archive.XXXXXX")
trap 'rm -rf "$part"' EXIT
quiet_buildah() {
	buildah --storage-driver vfs --root "$part/store" --runroot "$part/run" "$@" 2>"$part/log" || { cat "$part/log" >&2; exit 1; }
}

container=$(quiet_buildah from scratch)
while [ $# -gt 0 ]; do
	quiet_buildah add --quiet "$container" "$1" "$2" >/dev/null
	shift 2
done
quiet_buildah config "${options[@]}" "$container"
quiet_buildah commit --quiet --timestamp 0 "$container" "docker-archive:$part/image.tar:$image" >/dev/null
# An archive under its final name is always whole.
mv "$part/image.tar" "$archive"
