#!/bin/bash
# Makes one image from the local build and Debian packages: the contents are those of the Dockerfile beside it. Prints the
# image's name, whose tag is the hash of what went in; the archive to load is $COMPANION_CACHE/images/NAME-TAG.tar.
# Usage: build.sh worker|operator|postgres|redis|pgbouncer
set -euo pipefail

here=$(dirname "$(realpath "$0")")
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
target=${CARGO_TARGET_DIR:-$cache/target}
name=${1:-}

case $name in
worker | operator)
	program=$target/release/companion-$name
	[ -x "$program" ] || { echo "$program is missing: run cargo build --release --locked" >&2; exit 1; }
	files=("$("$here/rootfs.sh" base)" / "$program" "/usr/bin/companion-$name")
	options=(--entrypoint "[\"/usr/bin/companion-$name\"]" --user 65532:65532)
	;;
postgres)
	files=("$("$here/rootfs.sh" postgres)" /)
	options=(--env PATH=/usr/lib/postgresql/17/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		--env LANG=C.UTF-8 --user 999:999)
	;;
redis | pgbouncer)
	files=("$("$here/rootfs.sh" "$name")" /)
	options=(--user 999:999)
	;;
*)
	echo "usage: build.sh worker|operator|postgres|redis|pgbouncer" >&2
	exit 2
	;;
esac
if [ "$name" = worker ]; then
	files+=("$("$here/model.sh")" /usr/share/companion/model)
fi

# The root file systems and the model are named by their contents, so only the program has to be read.
content=$({ cat "$here"/{build,pack}.sh ${program:+"$program"}; printf '%s\n' "${files[@]##*/}"; } | sha256sum | cut -c1-12)
image=localhost/companion-$name:$content
archive=$cache/images/$name-$content.tar
if [ ! -f "$archive" ]; then
	"$here/pack.sh" "$image" "$archive" "${options[@]}" -- "${files[@]}"
	# Older builds of this image are of no further use; what is loaded stays in its cluster.
	find "$cache/images" -maxdepth 1 -name "$name-*.tar" ! -name "$name-$content.tar" -mmin +60 -delete
fi
echo "$image"
