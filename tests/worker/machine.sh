#!/bin/bash
# Prints the folder of a Debian with PostgreSQL, pgvector and Redis from its packages, for tests of `companion-worker dev`:
# the root file systems of our two images, one over the other. Made once; nothing is written into it afterwards.
set -euo pipefail

images=$(dirname "$(realpath "$0")")/../../config/images
cache=${COMPANION_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/companion}
redis=$("$images/rootfs.sh" redis)
postgres=$("$images/rootfs.sh" postgres)
folder=$cache/machine/$(cat "$0" <(echo "${redis##*/} ${postgres##*/}") | sha256sum | cut -c1-12)

if [ ! -d "$folder" ]; then
	mkdir -p "$cache/machine"
	part=$(mktemp -d "$folder.XXXXXX")
	trap 'rm -rf "$part"' EXIT
	chmod 755 "$part"
	# The last one's users stay: PostgreSQL's.
	tar --extract --numeric-owner --directory "$part" --file "$redis"
	tar --extract --numeric-owner --directory "$part" --file "$postgres"
	# Where a test puts what it brings along.
	mkdir -p "$part/usr/share/companion/model" "$part/var/lib/companion" "$part/home/ada" "$part/nothing"
	touch "$part/usr/bin/companion-worker"
	mv -T "$part" "$folder" 2>/dev/null || [ -d "$folder" ]
fi
echo "$folder"
