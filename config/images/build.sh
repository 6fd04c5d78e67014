#!/bin/bash
# Makes one image without a container engine, from the local build and Debian packages: the contents are those of the
# Dockerfile beside it. Prints the image's name, whose tag is the hash of what went in; the archive to load is
# $COMPANION_CACHE/images/NAME-TAG.tar. Usage: build.sh worker|operator|postgres|redis
set -euo pipefail

here=$(dirname "$(realpath "$0")")
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
target=${CARGO_TARGET_DIR:-$cache/target}
name=${1:-}

layers=()
options=()
case $name in
worker | operator)
	layers+=("$("$here/rootfs.sh" base)")
	options+=(--entrypoint "/usr/bin/companion-$name" --user 65532:65532)
	inputs=("$target/release/companion-$name")
	[ -x "${inputs[0]}" ] || { echo "${inputs[0]} is missing: run cargo build --release --locked" >&2; exit 1; }
	;;
postgres)
	layers+=("$("$here/rootfs.sh" postgres)")
	options+=(--env PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		--env LANG=C.UTF-8 --user 999:999)
	inputs=()
	;;
redis)
	layers+=("$("$here/rootfs.sh" redis)")
	options+=(--user 999:999)
	inputs=()
	;;
*)
	echo "usage: build.sh worker|operator|postgres|redis" >&2
	exit 2
	;;
esac
if [ "$name" = worker ]; then
	model=$("$here/model.sh")
fi

# The root file systems and the model are named by their contents, so only the program has to be read.
content=$({ cat "$here/build.sh" "${inputs[@]}"; printf '%s\n' "$name" "${layers[@]##*/}" "${model:-}"; } | sha256sum | cut -c1-12)
image=localhost/companion-$name:$content
archive=$cache/images/$name-$content.tar

# Packs a file or folder as a layer that is the same for the same contents.
layer() { # archive, source, path in the image
	tar --create --file "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+w,a+rX \
		--directory "$(dirname "$2")" --transform "s,^$(basename "$2"),$3,S" "$(basename "$2")"
}

if [ ! -f "$archive" ]; then
	part=$(mktemp -d -p "$cache/images")
	trap 'rm -rf "$part"' EXIT
	if [ -n "${model:-}" ]; then
		layer "$part/model.tar" "$model" usr/share/companion/model
		layers+=("$part/model.tar")
	fi
	if [ "${#inputs[@]}" -gt 0 ]; then
		layer "$part/program.tar" "${inputs[0]}" "usr/bin/companion-$name"
		layers+=("$part/program.tar")
	fi
	"$("$here/../../tests/cluster/build.sh")/companion-cluster" image --name "$image" --output "$archive" \
		"${options[@]}" "${layers[@]/#/--layer=}"
	# Older builds of this image are of no further use; what is loaded stays in its cluster.
	find "$cache/images" -maxdepth 1 -name "$name-*.tar" ! -name "$name-$content.tar" -mmin +60 -delete
fi
echo "$image"
